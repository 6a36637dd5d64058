"""A real browser at the real pages, for the stories of people.

A test below tests/fund asks for the fixture `visit` and gets a function:

    page = visit("/account/login/")                                a Playwright page, nobody signed in
    page = visit("/desk/", user, factor="totp", language="de")     signed in already, second factor just used
    page = visit("/", width=360)                                   on a telephone; 1280 is the default
    check(page, "sign-in")                                         axe, no sideways scrolling

`check` (fixture) looks at the page as it stands: no serious fault found by axe-core, nothing wider than the window,
no warning in the console (a script the content security policy refused is one). What is wrong is kept as a screenshot
`NAME-LANGUAGE-WIDTH.png` in the test's own folder; with the folder CAISSE_PICTURES set, every page is, there. `check(page, name, both=True)`
looks at 360 and 1280 pixels, and that nothing is wider than a window of 320. `pages_url` is where the process `caisse fund pages` listens; it runs once per
pytest process, on the same database as the test, which may therefore prepare everything by actions and look at the
outcome by queries. The database is emptied after each test.

`expect_none(page.locator("form"))` waits for the whole page first: where only its beginning has come, nothing is there.
`type_keys(page, "Tab", "Tab", "Enter")` and `focused(page)` are for stories told with the keyboard alone.
Without Debian's chromium these tests say so and are skipped.
"""
