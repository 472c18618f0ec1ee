"""The page at a console's URL: noVNC in a browser, from where the configuration says it is."""

import json
from html import escape

from monostack.http import Request, Response

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Console</title>
<style>
html, body, #screen {{ height: 100%; margin: 0; background: #222; color: #ddd; font-family: sans-serif; }}
#status {{ padding: 1em; }}
</style>
</head>
<body>
<div id="status">{status}</div>
<div id="screen"></div>
<script type="module">
const library = {library};
const path = new URLSearchParams(location.search).get("path");
const status = document.getElementById("status");
if (library && path) {{
  const {{ default: RFB }} = await import(new URL("core/rfb.js", new URL(library, location.href)));
  const base = location.origin.replace(/^http/, "ws");
  const rfb = new RFB(document.getElementById("screen"), `${{base}}/${{path}}`);
  rfb.scaleViewport = true;
  rfb.addEventListener("connect", () => {{ status.hidden = true; }});
  rfb.addEventListener("disconnect", () => {{ status.hidden = false; status.textContent = "The console is closed."; }});
}}
</script>
</body>
</html>
"""
_CONNECTING = "Connecting with noVNC"
_MISSING = (
    "This cloud has no noVNC for browsers: set console.novnc_url to where its files are. VNC clients that speak WebSockets can connect."
)


async def page(request: Request) -> Response:
    """Serve the page; its token is in the URL, where the script finds it."""
    library = request.cloud.config.console.novnc_url
    # A text within a script must not end it.
    quoted = json.dumps(library and library.rstrip("/") + "/").replace("<", "\\u003c")
    shown = _PAGE.format(status=escape(_CONNECTING if library else _MISSING), library=quoted)
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-frame-options": "SAMEORIGIN"}
    return Response(shown.encode(), headers=headers, content_type="text/html; charset=UTF-8")
