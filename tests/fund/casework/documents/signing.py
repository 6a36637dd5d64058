"""A little certificate authority and signed documents, made anew for each run."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asn1crypto import keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

#: Signatures bear the real clock's time.
NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)


class Person:
    """Somebody with a key and a certificate by ``issuer``, or by themselves."""

    def __init__(self, name: str, issuer: "Person | None" = None, *, until: datetime = NOW + YEAR, ca: bool = False,
                 stamps: bool = False) -> None:  # fmt: skip
        # The stamper of the signing library knows RSA only; everybody else signs with a curve.
        self.key = (
            rsa.generate_private_key(65537, 2048) if stamps else ec.generate_private_key(ec.SECP256R1())
        )
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not ca, content_commitment=not ca, key_encipherment=False,
                    data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
                    encipher_only=False, decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        )  # fmt: skip
        if stamps:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
            )
        self.certificate = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())
        self.chain = [issuer.certificate] if issuer else []

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def asn1(self) -> asn1_x509.Certificate:
        return _asn1(self.certificate)

    def key_info(self) -> keys.PrivateKeyInfo:
        return keys.PrivateKeyInfo.load(
            self.key.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def _store(self) -> SimpleCertificateStore:
        store = SimpleCertificateStore()
        store.register_multiple([self.asn1(), *map(_asn1, self.chain)])
        return store

    def sign(self, content: bytes, field: str, *, stamp_by: "Person | None" = None) -> bytes:
        """``content`` with this person's signature added as an incremental update."""
        writer = IncrementalPdfFileWriter(io.BytesIO(content))
        stamper = None
        if stamp_by is not None:
            stamper = DummyTimeStamper(
                stamp_by.asn1(), stamp_by.key_info(), certs_to_embed=stamp_by._store(), fixed_dt=NOW
            )
        signed = signers.PdfSigner(
            signers.PdfSignatureMetadata(field_name=field, md_algorithm="sha256"),
            signers.SimpleSigner(self.asn1(), self.key_info(), self._store()),
            timestamper=stamper,
            new_field_spec=fields.SigFieldSpec(field),
        ).sign_pdf(writer)
        return signed.getvalue()


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def change_page(content: bytes, text: bytes) -> bytes:
    """An incremental update after signing that shows another text on the first page."""
    from pyhanko.pdf_utils import generic

    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    page = writer.root["/Pages"]["/Kids"][0]
    page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=text))
    writer.update_container(page)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def fill_field(content: bytes, value: str) -> bytes:
    """An incremental update after signing that fills in the first text field of the form."""
    from pyhanko.pdf_utils import generic

    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    entry = next(
        each.get_object() for each in writer.root["/AcroForm"]["/Fields"] if each.get_object()["/FT"] == "/Tx"
    )
    entry["/V"] = generic.pdf_string(value)
    writer.update_container(entry)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def trust_folder(folder: Path, *people: Person) -> Path:
    folder.mkdir()
    for number, person in enumerate(people):
        (folder / f"{number}.pem").write_bytes(person.pem)
    return folder
