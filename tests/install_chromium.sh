#!/bin/sh
# The browser tests drive a real Chromium: the system's, or Debian's package where this runs as root, or the
# one that Playwright downloads. The argument is the Python to run Playwright with.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null
else
    "$1" -m playwright install chromium
fi
