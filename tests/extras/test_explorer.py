"""The explorer in a browser: moved by keyboard and by mouse, and read off the page.

The browser and its driver are found on the path and never downloaded. With APALU_REF_SITE=DIR, a
built site, the page in the site is tried as well.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from minigrad.special import ndtr

pytest.importorskip(
    "selenium.webdriver", reason='selenium is not installed: pip install "apalu-ref[browser]"'
)

from .explorer_page import By, Keys, Page, require_contrast, started, webdriver

pytestmark = pytest.mark.extras

PAGE = Path(__file__).resolve().parents[2] / "tutorials" / "site" / "explorer" / "index.html"


@pytest.fixture(scope="module")
def chrome():
    with started() as browser:
        yield browser


@pytest.fixture
def page(chrome):
    opened = Page(chrome, PAGE).open()
    yield opened
    assert opened.complaints() == []


def test_it_begins_with_one_and_one(page):
    page.require(1, 1)
    assert page.chrome.title == "APALU explorer"
    assert page.run("return document.documentElement.lang") == "en"
    assert page.run("return location.hash") == ""


def test_sliders_by_keyboard(page):
    page.keys("a", *[Keys.ARROW_RIGHT] * 25)
    page.require(1.25, 1)
    page.keys("b", Keys.HOME)
    page.require(1.25, -1)
    page.keys("b", Keys.END, Keys.ARROW_LEFT)
    page.require(1.25, 2.99)
    page.keys("a", Keys.HOME)
    page.require(-1, 2.99)
    page.keys("b", Keys.HOME)
    page.require(-1, -1)


def test_every_control_is_reached_by_tab(page):
    body = page.chrome.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    reached = []
    for _ in range(20):
        element = page.chrome.switch_to.active_element
        if element.tag_name == "body":
            break
        reached.append(element.id)
        outline = element.value_of_css_property("outline-style")
        assert outline != "none", element.get_attribute("outerHTML")
        element.send_keys(Keys.TAB)
    controls = page.chrome.find_elements(By.CSS_SELECTOR, "main input, main button")
    assert [c.id for c in controls] == reached


def test_every_control_has_a_name(page):
    for control in page.chrome.find_elements(By.CSS_SELECTOR, "main input, main button"):
        assert control.accessible_name, control.get_attribute("outerHTML")
    for plot in ("values", "slopes"):
        assert "at x = −4" in page.part(plot).accessible_name


def test_sliders_by_mouse(page):
    slider = page.part("a")
    webdriver.ActionChains(page.chrome).click_and_hold(slider).move_by_offset(
        200, 0
    ).release().perform()
    a = page.value("a-box")
    assert 1.5 < a < 2.5
    page.require(a, 1)


def test_typed_numbers(page):
    page.type("a-box", "0.6825")
    page.require(0.6825, 1)
    page.type("b-box", "-0.5")
    page.require(0.6825, -0.5)
    page.type("b-box", "100")
    page.require(0.6825, 3)
    page.type("a-box", "-7")
    page.require(-1, 3)
    page.type("a-box", "")
    page.require(-1, 3)


def test_typing_is_not_disturbed(page):
    page.keys("a-box", Keys.CONTROL, "a")
    for key in "-0.25":
        page.keys("a-box", key)
    assert page.part("a-box").get_property("value") == "-0.25"
    page.require(-0.25, 1)


def test_the_lock(page):
    page.keys("lock", Keys.SPACE)
    page.require(1, 1.5)
    page.keys("a", *[Keys.ARROW_RIGHT] * 10)
    page.require(1.1, 1.65)
    page.keys("b", *[Keys.ARROW_LEFT] * 5)
    page.require(1.6 / 1.5, 1.6)
    page.keys("a", Keys.END)
    page.require(2, 3)
    page.keys("b", Keys.HOME)
    page.require(-2 / 3, -1)
    page.type("a-box", "0.5")
    page.require(0.5, 0.75)
    page.type("b-box", "2")
    page.require(4 / 3, 2)
    page.keys("lock", Keys.SPACE)
    page.type("b-box", "1")
    page.require(4 / 3, 1)


def test_examples_and_reset(page):
    unit = 0.682527932356013844
    wanted = [(1, 1), (1, 1.5), (unit, 1.5 * unit), (0.5, 2), (1, -0.5)]
    buttons = page.chrome.find_elements(By.CSS_SELECTOR, "main [data-a]")
    for button, (a, b) in zip(buttons, wanted, strict=True):
        button.send_keys(Keys.ENTER)
        page.require(a, b)
    page.keys("lock", Keys.SPACE)
    page.type("x-box", "-2")
    page.click("[data-other=elu]")
    page.keys("reset", Keys.ENTER)
    page.require(1, 1)
    assert page.value("x-box") == 1
    assert page.chrome.find_elements(By.CSS_SELECTOR, "main input:checked") == []


def test_the_address(page):
    page.type("a-box", "0.75")
    page.later(lambda: page.run("return location.hash") == "#a=0.75&b=1")
    page.keys("lock", Keys.SPACE)
    page.later(lambda: page.run("return location.hash") == "#a=0.75&b=1.125&lock=1")
    page.open("#a=-0.5&b=2.25").require(-0.5, 2.25)
    page.open("#a=1.2&lock=1").require(1.2, 1.8)
    page.open("#b=2.1&lock=1").require(1.4, 2.1)
    assert page.part("lock").is_selected()
    page.open("#a=9&b=-9").require(3, -1)
    page.open("#a=&b=no").require(1, 1)
    page.run("location.hash = 'a=2&b=-1'")
    page.later(lambda: page.value("a-box") == 2)
    page.require(2, -1)


def test_the_probe(page):
    page.type("a-box", "2")
    page.type("x-box", "0")
    page.require(2, 1)
    assert page.text("probe").endswith("(by convention; 1 from the left)")
    page.keys("x", Keys.ARROW_LEFT)
    assert page.numbers("probe")[0] == -0.01
    page.require(2, 1)
    for plot, x in (("values", -2), ("slopes", 3)):
        svg = page.part(plot)
        width = svg.size["width"]
        # 34 pixels to the left of the frame and 10 to the right.
        offset = 34 + (width - 44) * (x + 4) / 8 - width / 2
        webdriver.ActionChains(page.chrome).move_to_element_with_offset(
            svg, round(offset), 0
        ).perform()
        assert page.value("x-box") == pytest.approx(x, abs=0.03)
        page.require(2, 1)


def test_others_are_drawn(page):
    known = {
        "relu": lambda x: np.maximum(x, 0),
        "elu": lambda x: np.where(x < 0, np.expm1(x), x),
        "gelu": lambda x: x * ndtr(x),
    }
    for name, f in known.items():
        assert page.chrome.find_elements(By.CSS_SELECTOR, f"#ex-values path.{name}") == []
        page.chrome.find_element(By.CSS_SELECTOR, f"[data-other={name}]").send_keys(Keys.SPACE)
        x, y = page.curve("values", name)
        np.testing.assert_allclose(y, f(x), atol=0.01)


def test_what_changes_is_announced(page):
    said = page.part("said")
    assert said.get_attribute("aria-live") == "polite"
    page.keys("b", Keys.HOME)
    page.later(lambda: "Monotonic: no" in said.get_property("textContent"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(page, scheme):
    page.open("#a=1&b=-0.5", width=360, height=740, scheme=scheme)
    assert page.run("return innerWidth") == 360
    assert page.run("return document.documentElement.scrollWidth") <= 360
    for name in ("a", "b", "x"):
        assert page.part(name).size["height"] >= 44
        assert page.part(name).size["width"] > 300
    assert page.part("values").location["x"] == page.part("slopes").location["x"]
    page.require(1, -0.5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(page, scheme):
    page.open(scheme=scheme)
    require_contrast(page, dark=scheme == "dark")


def test_without_javascript_it_says_so(page):
    page.chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.open()
        assert "needs JavaScript" in page.chrome.find_element(By.TAG_NAME, "main").text
    finally:
        page.chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.fixture
def in_the_site(chrome):
    folder = os.environ.get("APALU_REF_SITE")
    if not folder:
        pytest.skip("no built site: set APALU_REF_SITE to its folder")
    opened = Page(chrome, Path(folder).resolve() / "explorer.html").open()
    yield opened
    assert opened.complaints() == []


def test_inside_the_site(in_the_site):
    page = in_the_site
    page.require(1, 1)
    page.keys("b", Keys.HOME)
    page.require(1, -1)
    page.open("#things-to-try").require(1, 1)
    for link in page.chrome.find_elements(By.CSS_SELECTOR, "article a[href^='#a=']"):
        state = dict(
            part.split("=") for part in link.get_attribute("href").partition("#")[2].split("&")
        )
        link.send_keys(Keys.ENTER)
        page.later(lambda wanted=float(state["a"]): abs(page.value("a-box") - wanted) < 1e-6)
        page.require(float(state["a"]), float(state["b"]))
        assert page.part("lock").is_selected() == (state.get("lock") == "1")
    page.open(width=360, height=740)
    assert page.run("return document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sites_own_switch_decides(in_the_site, theme, scheme):
    in_the_site.open(scheme=scheme)
    in_the_site.run("document.body.dataset.theme = arguments[0]", theme)
    require_contrast(in_the_site, dark=theme == "dark")


def test_the_standalone_page_is_in_the_site(in_the_site):
    inside = in_the_site.path.parent / "_static" / "explorer" / "index.html"
    Page(in_the_site.chrome, inside).open("#a=2&b=1").require(2, 1)
