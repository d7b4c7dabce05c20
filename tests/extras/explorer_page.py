"""The explorer's page, as a reader of it: what is seen, and what can be done."""

import re
import shutil

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from apalu_ref import apalu, apalu_grad, oracle

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
U2, V2 = 1.82051243165663782050108021387, 0.144945417492923863063461440338
NUMBER = r"[−-]?\d+(?:\.\d+)?(?:e[−-]\d+)?"


def started():
    """Chromium without a window, and the driver that is installed: none is downloaded."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip(
            "no Chromium or no chromedriver on the path; on Debian: apt-get install chromium "
            "chromium-driver"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


class Page:
    """What a reader sees, and does."""

    def __init__(self, chrome, path):
        self.chrome, self.path = chrome, path

    def open(self, fragment="", width=1280, height=1000, scheme="light"):
        for command, parameters in (
            ("Emulation.setDeviceMetricsOverride",
             {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}),
            ("Emulation.setEmulatedMedia",
             {"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        ):  # fmt: skip
            self.chrome.execute_cdp_cmd(command, parameters)
        self.chrome.get("about:blank")  # or another fragment would not load the page again
        self.chrome.get(self.path.as_uri() + fragment)
        return self

    def part(self, name):
        return self.chrome.find_element(By.ID, f"ex-{name}")

    def text(self, name):
        return self.part(name).text

    def numbers(self, name):
        found = re.findall(NUMBER, self.text(name))
        return [float(n.replace("−", "-")) for n in found]

    def value(self, name):
        return float(self.part(name).get_property("value"))

    def keys(self, name, *keys):
        self.part(name).send_keys(*keys)

    def type(self, name, text):
        self.keys(name, Keys.CONTROL, "a")
        self.keys(name, text, Keys.ENTER)

    def click(self, selector):
        self.chrome.find_element(By.CSS_SELECTOR, selector).click()

    def run(self, script, *arguments):
        return self.chrome.execute_script(script, *arguments)

    def later(self, condition):
        WebDriverWait(self.chrome, 5, poll_frequency=0.05).until(lambda _: condition())

    def attributes(self, selector, *names):
        """Numbers that elements carry, a row an element."""
        script = """const [selector, names] = arguments;
            return [...document.querySelectorAll(selector)].map((e) =>
                [e.textContent, ...names.map((n) => +e.getAttribute(n))])"""
        return self.run(script, selector, names)

    def places(self, plot, pixels):
        """Points in the units of a plot, from pixels (two rows): its grid's numbers say how."""
        labels = self.attributes(f"#ex-{plot} > text", "x", "y")
        below, beside = labels[0][2], labels[9][1]
        numbers = [(float(text.replace("−", "-")), x, y) for text, x, y in labels]
        across = [(value, x) for value, x, y in numbers if y == below]
        up = [(value, y - 4) for value, x, y in numbers if x == beside]  # a letter's half height
        return np.stack([line(across, pixels[0]), line(up, pixels[1])])

    def curve(self, plot, kind):
        """The points of a curve."""
        (path,) = self.chrome.find_elements(By.CSS_SELECTOR, f"#ex-{plot} path.{kind}")
        points = re.findall(rf"({NUMBER}) ({NUMBER})", path.get_attribute("d"))
        return self.places(plot, np.array(points, float).T)

    def dots(self, plot, kind):
        """Where the round marks of a kind are: a list of (x, y)."""
        found = self.attributes(f"#ex-{plot} circle.{kind}", "cx", "cy")
        pixels = np.array([at for _, *at in found], float).reshape(-1, 2).T
        return [tuple(at) for at in self.places(plot, pixels).T]

    def inclination(self, kind):
        """The slope of a tangent."""
        (ends,) = self.attributes(f"#ex-values line.{kind}.tangent", "x1", "x2", "y1", "y2")
        x, y = self.places("values", np.array(ends[1:]).reshape(2, 2))
        return (y[1] - y[0]) / (x[1] - x[0])

    def require(self, a, b):
        """Everything on the page is that of a and b."""
        assert (self.value("a-box"), self.value("b-box")) == pytest.approx((a, b), abs=1e-6)
        for name, value in (("a", a), ("b", b)):
            assert self.value(name) == pytest.approx(value, abs=0.006)
        smooth = abs(1.5 * a - b) < 1e-9
        sides = [1.5 * a] if smooth else [b, 1.5 * a, 1.5 * a - b]
        assert self.text("zero").startswith("smooth" if smooth else "kink")
        assert self.numbers("zero") == pytest.approx(sides, abs=6e-5)
        top = float(oracle.du("1.40972813191273071"))
        slopes = [0.0, top * a, b]
        assert self.numbers("greatest")[0] == pytest.approx(max(slopes), abs=6e-5)
        assert self.numbers("least")[0] == pytest.approx(min(slopes), abs=6e-5)
        assert self.numbers("lipschitz")[0] == pytest.approx(max(abs(top * a), abs(b)), abs=6e-5)
        assert self.text("monotone").startswith("no" if a * b < 0 else "yes")
        assert self.numbers("limits")[0] == pytest.approx(-b, abs=6e-5)
        square = U2 * a * a + V2 * b * b
        assert self.numbers("moments")[-1] == pytest.approx(square, abs=6e-5)
        assert self.numbers("gain")[0] == pytest.approx(square**-0.5, abs=6e-5)
        assert self.numbers("gain")[-1] == pytest.approx(2 * square, abs=6e-5)
        x = self.value("x-box")
        at = [x, float(apalu(x, a, b)), float(apalu_grad(x, a, b, 1.0)[0])]
        assert self.numbers("probe")[:3] == pytest.approx(at, abs=6e-5)
        self.require_drawing(a, b, *at)

    def require_drawing(self, a, b, x, y, slope):
        """The plots are those of a and b, the probe is where it should be."""
        near = {"abs": 0.01}
        for kind, end, at_zero in (("left", 0, b), ("right", 4, 1.5 * a)):
            xs, ys = self.curve("values", kind)
            assert len(xs) > 100
            assert (xs[0], xs[-1]) == pytest.approx((end - 4, end), **near)
            np.testing.assert_allclose(ys, apalu(xs, a, b), atol=0.01)
            xs, ys = self.curve("slopes", kind)
            assert (xs[0], xs[-1]) == pytest.approx((end - 4, end), **near)
            zero = np.abs(xs) < 0.005
            want = np.where(zero, at_zero, apalu_grad(xs, float(a), float(b), np.ones_like(xs))[0])
            np.testing.assert_allclose(ys, want, atol=0.01)
            assert self.inclination(kind) == pytest.approx(at_zero, **near)
        smooth = abs(1.5 * a - b) < 1e-9
        assert self.dots("slopes", "open") == ([] if smooth else [pytest.approx((0, b), **near)])
        assert self.dots("slopes", "zero") == [pytest.approx((0, 1.5 * a), **near)]
        assert self.dots("slopes", "peak") == [pytest.approx((1.40973, 2.09984 * a), **near)]
        assert self.dots("values", "probe") == [pytest.approx((x, y), **near)]
        assert self.dots("slopes", "probe") == [pytest.approx((x, slope), **near)]

    def complaints(self):
        return [entry["message"] for entry in self.chrome.get_log("browser")]


def line(known, pixels):
    """Pixels in the units of a scale."""
    values, places = np.array(known).T
    assert len(known) > 3
    slope, start = np.polyfit(places, values, 1)
    np.testing.assert_allclose(slope * places + start, values, atol=1e-6)
    return slope * pixels + start


def require_contrast(page, dark):
    read = page.run(
        "const of = (e) => getComputedStyle(e);"
        "const root = document.getElementById('apalu-explorer');"
        "const names = ['ink', 'soft', 'right', 'left', 'relu', 'gelu', 'elu', 'edge'];"
        "return [of(document.body).backgroundColor, of(root).color,"
        " of(root).getPropertyValue('--paper'),"
        " Object.fromEntries(names.map((n) => [n, of(root).getPropertyValue('--' + n)]))]"
    )
    body, ink, paper, colours = read
    page_colour = [int(n) for n in re.findall(r"\d+", body)[:3]]
    assert (luminance(page_colour) < 0.1) == dark
    grounds = [page_colour, hexadecimal(paper)]
    for name in ("ink", "soft"):
        for ground in grounds:
            assert contrast(hexadecimal(colours[name]), ground) >= 4.5, name
    assert contrast([int(n) for n in re.findall(r"\d+", ink)[:3]], page_colour) >= 4.5
    for name in ("right", "left", "relu", "gelu", "elu", "edge"):
        for ground in grounds:
            assert contrast(hexadecimal(colours[name]), ground) >= 3, name


def hexadecimal(text):
    return [int(text.strip()[i : i + 2], 16) for i in (1, 3, 5)]


def luminance(rgb):
    c = np.array(rgb) / 255
    return float(
        np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    )


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
