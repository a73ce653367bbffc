#!/bin/sh
# Prints the cargo features for which this system has the libraries, separated by commas: the one place that `./dev` and
# meson ask.
set -eu
if "${PKG_CONFIG:-pkg-config}" --exists 'gstreamer-analytics-1.0 >= 1.24'; then
    echo gst-plugin-alpr/v1_24
fi
