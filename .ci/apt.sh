#!/usr/bin/env bash
# What the tests and screenshots need from apt: Qt's own libraries, a virtual display, a font,
# and the judge of DICOM files (dciodvfy).
set -euo pipefail
packages=(
    build-essential cmake python3-dev python3-venv
    xvfb libegl1 libgl1 libxkbcommon0 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1
    libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
    libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 fonts-dejavu-core dicom3tools
)
if dpkg -s "${packages[@]}" >/dev/null 2>&1; then
    exit 0
fi
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -q
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -q -y --no-install-recommends "${packages[@]}"
