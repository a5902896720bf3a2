"""Opens a page in Chromium, on a phone and on a desk, in light and in dark, and says what it saw as JSON.

Usage: browser.py CHROMIUM PAGE [FOLDER]; with FOLDER, pictures of the page are put there. Needs nothing but Python:
Chromium is driven over a pair of pipes (--remote-debugging-pipe), its protocol is JSON with a NUL behind each message.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time

PIECE = 1400
VIEWS = [("phone", 360, 740), ("desk", 1280, 900)]

# What is to be seen on the page: run inside of it.
LOOK = r"""
(() => {
  const channels = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const over = (top, below) => {
    const alpha = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map((i) => top[i] * alpha + below[i] * (1 - alpha));
  };
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(channels(getComputedStyle(e).backgroundColor));
    const paper = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
    return layers.reverse().reduce((below, top) => over(top, below), paper);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === "" || element.closest("script,title,.hidden,.skip")) continue;
    const style = getComputedStyle(element);
    const ink = channels(element.namespaceURI.endsWith("svg") ? style.fill : style.color);
    const ratio = contrast(over(ink, ground(element)), ground(element));
    if (ratio < 4.5) faint.push([node.data.trim().slice(0, 40), Math.round(ratio * 100) / 100]);
  }
  const shape = (e) => contrast(channels(getComputedStyle(e).fill), ground(e));
  for (const name of ["good", "other", "bad", "unknown"]) {
    const rect = document.querySelector(`svg rect.${name}`);
    if (rect && shape(rect) < 3) faint.push([`the colour ${name}`, shape(rect)]);
  }
  const charts = [...document.querySelectorAll("figure.chart")].map((figure) => {
    const svg = figure.querySelector(":scope > svg");
    const box = svg.getBoundingClientRect();
    return { title: figure.querySelector("figcaption").textContent, width: box.width, height: box.height,
      shapes: svg.querySelectorAll("rect:not(.track)").length,
      has_table: figure.parentElement.querySelector("table") !== null };
  });
  const unnamed = [...document.querySelectorAll("table")].filter((t) => !t.caption || !t.caption.textContent.trim());
  return {
    title: document.title, charts, faint,
    width: document.documentElement.scrollWidth, room: innerWidth,
    landmarks: ["header", "nav", "main", "footer", "h1"].filter((tag) => document.querySelector(tag)),
    tables: document.querySelectorAll("table.sortable").length,
    buttons: document.querySelectorAll("table.sortable thead button").length,
    unnamed: unnamed.length,
    unscoped: document.querySelectorAll("th:not([scope])").length,
    dead_links: [...document.querySelectorAll("a")].filter((a) => !document.querySelector(a.getAttribute("href"))).length,
  };
})()
"""

# Clicks the heading of the first column of numbers of a table twice.
SORT = r"""
(() => {
  const heading = document.querySelector("#rejects thead th.number") ?? document.querySelector("thead th.number");
  const body = heading.closest("table").tBodies[0];
  const values = () => [...body.rows].map((row) => Number(row.cells[heading.cellIndex].dataset.value));
  const seen = { before: values() };
  const click = () => {
    heading.querySelector("button").click();
    return { order: heading.getAttribute("aria-sort"), values: values() };
  };
  return { ...seen, first: click(), second: click() };
})()
"""


class Browser:
    def __init__(self, program, profile):
        to_read, self.writer = os.pipe()
        self.reader, to_write = os.pipe()
        moved = [os.dup(to_read), os.dup(to_write)]
        for fd in (to_read, to_write):
            os.close(fd)

        def at_three_and_four():
            high = [os.dup2(fd, 60 + i) for i, fd in enumerate(moved)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
             f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"],
            close_fds=False, preexec_fn=at_three_and_four, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in moved:
            os.close(fd)
        self.buffer = b""
        self.number = 0
        self.events = []

    def message(self):
        while b"\0" not in self.buffer:
            data = os.read(self.reader, 1 << 16)
            if not data:
                raise EOFError("the browser went away")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        os.write(self.writer, json.dumps(request).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_for(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def close(self):
        try:
            self.call("Browser.close")
        except (EOFError, OSError):
            pass
        self.process.wait(timeout=20)


def evaluate(browser, session, code):
    result = browser.call("Runtime.evaluate", session, expression=code, returnByValue=True)
    if "exceptionDetails" in result:
        raise RuntimeError(str(result["exceptionDetails"])[:2000])
    return result["result"]["value"]


def complaints(events):
    """Whatever went to the console, and whatever was asked for beside the page."""
    console, requests = [], []
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled":
            console.append(str(params["args"]))
        elif method == "Runtime.exceptionThrown":
            console.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded":
            console.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent" and params.get("type") != "Document":
            requests.append(params["request"]["url"])
    return {"console": console, "requests": requests}


def look(browser, page, width, height, scheme, is_scripted, picture):
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable", session)
    browser.call("Emulation.setDeviceMetricsOverride", session, width=width, height=height, deviceScaleFactor=1,
                 mobile=width < 600)
    browser.call("Emulation.setEmulatedMedia", session, features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.call("Emulation.setScriptExecutionDisabled", session, value=not is_scripted)
    browser.events.clear()
    browser.call("Page.navigate", session, url=f"file://{page}")
    browser.wait_for("Page.loadEventFired")
    seen = evaluate(browser, session, LOOK)
    if is_scripted:
        seen["sort"] = evaluate(browser, session, SORT)
    seen.update(complaints(browser.events))
    if picture:
        browser.call("Page.navigate", session, url=f"file://{page}")
        time.sleep(0.3)
        # The whole page, in pieces that can be looked at.
        full = browser.call("Page.getLayoutMetrics", session)["cssContentSize"]["height"]
        for piece, top in enumerate(range(0, min(int(full), 15000), PIECE)):
            clip = {"x": 0, "y": top, "width": width, "height": min(PIECE, full - top), "scale": 1}
            shot = browser.call("Page.captureScreenshot", session, captureBeyondViewport=True, clip=clip)
            with open(f"{picture}-{piece}.png", "wb") as file:
                file.write(base64.b64decode(shot["data"]))
    browser.call("Target.closeTarget", targetId=target)
    return seen


def main():
    program, page = sys.argv[1], os.path.abspath(sys.argv[2])
    folder = sys.argv[3] if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        seen = {}
        for view, width, height in VIEWS:
            for scheme in ("light", "dark"):
                name = f"{view} {scheme}"
                picture = folder and os.path.join(folder, f"{view}-{scheme}")
                seen[name] = look(browser, page, width, height, scheme, True, picture)
        seen["without scripts"] = look(browser, page, 1280, 900, "light", False, None)
        browser.close()
    json.dump(seen, sys.stdout)


main()
