#!/bin/sh
# Brings the engines that Beam would download by itself, or wait for: Prism through go, Flink's job server through mvn.
# What is there already is left alone. Usage: engines/fetch.sh [prism] [flink]   (default: both)
set -eu
cd "$(dirname "$0")"
beam=2.77.0   # of the Python package; tests/engines holds the two equal
flink=1.20

need() {
    command -v "$1" >/dev/null || { echo "engines: $2 needs the command $1; install it ($3), then run this again." >&2; exit 1; }
}

fetch_prism() {
    test -x .cache/prism && return
    need go Prism "Go 1.26 or newer"
    echo "engines: building Prism $beam (some minutes the first time)"
    GOBIN="$PWD/.cache" go install "github.com/apache/beam/sdks/v2/go/cmd/prism@v$beam"
}

fetch_flink() {
    test -f .cache/flink-job-server.jar && return
    need mvn Flink "Maven 3.8 or newer"
    need java Flink "Java 11 or newer"
    # One jar with everything in it, of Beam's own version, where Maven has it; else the parts of an older one.
    artifact="org.apache.beam:beam-runners-flink-$flink-job-server:$beam"
    if mvn --batch-mode --quiet dependency:copy -Dartifact="$artifact" -DoutputDirectory="$PWD/.cache/whole" \
        -Dmdep.stripVersion=true >/dev/null 2>&1; then
        mv ".cache/whole/beam-runners-flink-$flink-job-server.jar" .cache/flink-job-server.jar
        echo "engines: Flink's job server is $artifact"
    else
        echo "engines: Maven has no $artifact; taking the parts that engines/flink/pom.xml names"
        rm -rf .cache/flink-lib
        mvn --batch-mode --quiet --file flink/pom.xml dependency:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$PWD/.cache/flink-lib"
        python3 flink/join.py .cache/flink-lib .cache/flink-job-server.jar
    fi
}

mkdir -p .cache
for engine in ${*:-prism flink}; do
    "fetch_$engine"
done
