#!/bin/sh
# A Chrome, Chromium or Edge for the browser tests: the installed one, else Debian's when that can be had.
set -eu
for name in chromium chromium-browser google-chrome google-chrome-stable microsoft-edge; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
for app in "Google Chrome" "Chromium" "Microsoft Edge"; do
  [ -d "/Applications/$app.app" ] && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null
  exit 0
fi
echo "The browser tests need Chrome, Chromium or Edge: install one (Debian: apt install chromium) and try again." >&2
exit 1
