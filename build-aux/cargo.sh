#!/bin/sh
# Runs cargo for meson: cargo.sh CARGO PROFILE TARGET_DIR OUTDIR DEPFILE OUTPUT... -- CARGO-ARGUMENTS...
# Copies the outputs to where meson wants them and turns rustc's dependency files into the one that ninja reads.
set -eu
cargo=$1 profile=$2 target=$3 outdir=$4 depfile=$5
shift 5
outputs=
while [ "$1" != -- ]; do
    outputs="$outputs $1"
    shift
done
shift

"$cargo" "$@"

dir=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")
: >"$depfile.tmp"
for output in $outputs; do
    cp -f "$dir/$output" "$outdir/$output"
    dependencies=$dir/${output%.so}.d
    [ ! -f "$dependencies" ] || sed "s|^[^:]*:|$output:|" "$dependencies" >>"$depfile.tmp"
done
mv -f "$depfile.tmp" "$depfile"
