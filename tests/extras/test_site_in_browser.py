"""Every page of the built site in a browser, on a desk and on a phone (APALU_REF_SITE=DIR)."""

import os
from pathlib import Path

import pytest

pytest.importorskip(
    "selenium.webdriver", reason='selenium is not installed: pip install "apalu-ref[browser]"'
)

from .explorer_page import By, started

pytestmark = pytest.mark.extras

GENERATED = {"_modules", "_static", "_sources", "_downloads", "_images"}

FAULTS = """
const wide = document.documentElement.scrollWidth > innerWidth;
const broken = [...document.images].filter((image) => image.complete && !image.naturalWidth);
return [wide ? ["wider than the screen"] : [], broken.map((image) => image.src)].flat();
"""


@pytest.fixture(scope="module")
def site():
    folder = os.environ.get("APALU_REF_SITE")
    if not folder:
        pytest.skip("no built site: set APALU_REF_SITE to its folder")
    return Path(folder).resolve()


@pytest.fixture(scope="module")
def chrome():
    chrome = started()
    yield chrome
    chrome.quit()


def pages(site):
    for path in sorted(site.rglob("*.html")):
        if not GENERATED & set(path.relative_to(site).parts):
            yield path


def faults(chrome, path, width):
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    chrome.get(path.as_uri())
    # Pictures further down are loaded when they come near the screen: here at once.
    chrome.execute_script("for (const image of document.images) image.loading = 'eager'")
    said = [entry["message"] for entry in chrome.get_log("browser")]
    return chrome.execute_script(FAULTS) + said


@pytest.mark.parametrize("width", [1280, 360])
def test_pages_fit_and_are_whole(chrome, site, width):
    found = {path.relative_to(site).as_posix(): faults(chrome, path, width) for path in pages(site)}
    assert len(found) > 60
    assert {page: wrong for page, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<div style='width: 2000px'>wide</div>", "wider than the screen"),
        ("<img src='missing.png'>", "missing.png"),
        ("<script>nothing.there()</script>", "nothing is not defined"),
        ("fine", None),
    ],
)
def test_a_planted_fault_is_seen(chrome, tmp_path, body, told):
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><title>p</title>{body}", encoding="utf-8")
    wrong = " ".join(faults(chrome, page, 1280))
    assert told in wrong if told else not wrong


def test_pictures_of_tutorials_open_in_their_own_size(chrome, site):
    for path in sorted(site.glob("gallery/[0-9]*.html")):
        chrome.get(path.as_uri())
        pictures = chrome.find_elements(By.CSS_SELECTOR, "img[class^='sphx-glr-'][srcset]")
        links = chrome.find_elements(By.CSS_SELECTOR, "a.picture")
        assert len(links) == len(pictures) > 0
        chrome.get(links[-1].get_attribute("href"))
        width = chrome.execute_script("return document.images[0].naturalWidth")
        assert width > 700
