#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Usage: curl_loop.sh URL FOLDER [FIRST END]
# The backup that people make with curl and jq: every version and every config into a file of its own. FIRST and END
# take a share of the subjects.
set -euo pipefail
url=$1 folder=$2 share=[${3:-0}:${4:-}]
[ "$share" = "[0:]" ] && share="[]" || share="${share}[]"

for subject in $(curl -fsS "$url/subjects" | jq -r ".$share"); do
    mkdir -p "$folder/$subject"
    for version in $(curl -fsS "$url/subjects/$subject/versions" | jq '.[]'); do
        curl -fsS -o "$folder/$subject/v$version.json" "$url/subjects/$subject/versions/$version"
    done
    curl -sS -o "$folder/$subject/config.json" "$url/config/$subject" # an error where none is set
done
