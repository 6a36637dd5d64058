"""What the HTTPS door says of itself in OpenAPI, and that its answers keep to it."""

import json

from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from .doorway import browser


def test_the_description_is_complete_and_needs_nothing_from_elsewhere(db, web):
    with browser(db, web) as stranger:
        root = str(stranger.base_url).removesuffix("/v1/")
        document = json.loads(stranger.get(f"{root}/openapi.json").text, object_pairs_hook=_once_each)
        assert set(document["paths"]) == {
            "/api/v1/mailbox/in", "/api/v1/mailbox/in/{name}", "/api/v1/mailbox/out", "/api/v1/mailbox/out/{name}",
            "/api/v1/deposits", "/api/v1/deposits/{deposit_id}", "/api/v1/keys", "/api/v1/layouts",
            "/api/v1/reasons/{code}", "/api/v1/uploads", "/api/v1/uploads/{name}",
        }  # fmt: skip
        OpenAPIV31SpecValidator(document).validate()
        assert set(document["paths"]["/api/v1/mailbox/in/{name}"]["put"]["security"][0]) <= set(
            document["components"]["securitySchemes"]
        )
        page = stranger.get(f"{root}/docs")
        assert "http://" not in page.text
        assert "https://" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert "<script>" not in page.text
        for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-init.js", "favicon.svg"):
            assert f"/api/docs/assets/{asset}" in page.text
            assert stranger.get(f"{root}/docs/assets/{asset}").status_code == 200
        assert stranger.get(f"{root}/docs/assets/..%2f..%2f__init__.py").status_code == 404


def _once_each(pairs):
    """An object whose keys stand in it once; browsers' parsers refuse others."""
    assert len({key for key, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def test_every_operation_says_all_a_vendor_has_to_know(db, web):
    with browser(db, web) as stranger:
        document = stranger.get(f"{str(stranger.base_url).removesuffix('/v1/')}/openapi.json").json()
    operations = [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    assert len({operation["operationId"] for _, _, operation in operations}) == len(operations) == 14
    published = {"keys", "layouts", "reason", "upload_options"}
    for path, method, operation in operations:
        where = f"{method} {path}"
        assert operation["summary"][0].isupper(), where
        for parameter in operation.get("parameters", ()):
            assert len(parameter["description"]) > 10, (where, parameter["name"])
        answers = operation["responses"]
        done = [answer for status, answer in answers.items() if status < "400"]
        assert done, where
        for answer in done:
            assert answer["description"] != "", where
            assert answer.get("content") or answer.get("headers") or method == "delete", where
        refusals = {status for status in answers if status >= "400"}
        assert "500" in refusals, where
        open_to_all = operation["operationId"] in published
        assert (operation.get("security") is None) == open_to_all, where
        assert open_to_all or {"401", "403", "429"} <= refusals, where
    for answer in document["components"]["responses"].values():
        assert set(answer["content"]) == {"application/problem+json"}
    for words in ("1\u202f073\u202f741\u202f824 bytes", "600 an hour", "500 of an account", "48 hours"):
        assert words in document["info"]["description"]


def test_answers_are_as_the_document_says(client, lab, db, web):
    document = client.get(f"{str(client.base_url).removesuffix('/v1/')}/openapi.json").json()
    name = lab.name("Z1")
    client.put(f"/mailbox/in/{name}", content=b"<a/>")
    receipt = f"{name}.receipt.jws"
    tus = {"Tus-Resumable": "1.0.0"}
    with browser(db, web) as stranger:
        for who, method, path, template, more in (
            (client, "get", "/mailbox/in", "/mailbox/in", {}),
            (client, "get", "/mailbox/out?limit=x", "/mailbox/out", {}),
            (client, "get", "/mailbox/out?limit=0", "/mailbox/out", {}),
            (client, "get", "/mailbox/in?after=20241301T000000.000000Z-", "/mailbox/in", {}),
            (client, "get", "/mailbox/out?after=20240301T000000.000000Z-%00", "/mailbox/out", {}),
            (client, "get", "/deposits?limit=-1", "/deposits", {}),
            (client, "get", f"/mailbox/out/{receipt}", "/mailbox/out/{name}", {}),
            (client, "get", f"/mailbox/out/{receipt}", "/mailbox/out/{name}", {"Range": "bytes=1-3"}),
            (client, "get", f"/mailbox/out/{receipt}", "/mailbox/out/{name}", {"Range": "bytes=99999-"}),
            (client, "get", "/mailbox/out/none", "/mailbox/out/{name}", {}),
            (client, "put", f"/mailbox/in/{name}", "/mailbox/in/{name}", {}),
            (client, "get", "/deposits", "/deposits", {}),
            (client, "get", "/deposits/no-uuid", "/deposits/{deposit_id}", {}),
            (client, "post", "/uploads", "/uploads", tus),
            (client, "post", "/uploads", "/uploads", {}),
            (client, "head", "/uploads/none", "/uploads/{name}", tus),
            (client, "patch", "/uploads/none", "/uploads/{name}", tus),
            (client, "delete", "/uploads/none", "/uploads/{name}", tus),
            (client, "options", "/uploads", "/uploads", {}),
            (stranger, "get", "/mailbox/in", "/mailbox/in", {}),
            (stranger, "get", "/keys", "/keys", {}),
            (stranger, "get", "/layouts?on=x", "/layouts", {}),
            (stranger, "get", "/reasons/KEY-001", "/reasons/{code}", {}),
            (stranger, "get", "/reasons/XYZ-999", "/reasons/{code}", {}),
        ):
            answer = who.request(method, path, headers=more)
            assert answer.status_code != 500
            _as_described(document, document["paths"][f"/api/v1{template}"][method], answer)


def _as_described(document, operation, answer):
    where = f"{answer.request.method} {answer.request.url.path}: {answer.status_code}"
    assert str(answer.status_code) in operation["responses"], where
    described = operation["responses"][str(answer.status_code)]
    if "$ref" in described:
        described = document["components"]["responses"][described["$ref"].rpartition("/")[2]]
    if not answer.content:
        return
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in described["content"], where
    if "json" in kind:
        schema = {**described["content"][kind]["schema"], "components": document["components"]}
        OAS31Validator(schema).validate(answer.json())
