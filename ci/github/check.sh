#!/bin/bash
# check.sh: runs gmsa-doctor, and reports its findings to the workflow. Part of action.yml.
set -euo pipefail
doctor=${GMSA_DOCTOR_COMMAND:-gmsa-doctor}
out=$(mktemp -d "$RUNNER_TEMP/gmsa-doctor-XXXXXX")
sarif=${INPUT_SARIF:-$out/report.sarif} report=${INPUT_REPORT:-$out/report.json}

refuse() {
    echo "gmsa-doctor: $1" >&2
    exit 2
}

# lines TEXT: splits it into the array `found`, one element per line, without empty lines and surrounding blanks.
lines() {
    local line
    found=()
    while IFS= read -r line; do
        line=${line#"${line%%[![:space:]]*}"}
        line=${line%"${line##*[![:space:]]}"}
        [[ -z $line ]] || found+=("$line")
    done <<<"$1"
}

[[ $sarif$report != *[$'\r\n']* ]] || refuse "sarif and report: give paths without line breaks"

arguments=(check "--fail-on=${INPUT_FAIL_ON:-fail}")
[[ -z ${INPUT_SERVICE:-} ]] || arguments+=("--service=$INPUT_SERVICE")
[[ -z ${INPUT_CLUSTER:-} ]] || arguments+=("--cluster=$INPUT_CLUSTER")
[[ -z ${INPUT_REGION:-} ]] || arguments+=("--region=$INPUT_REGION")
case ${INPUT_OFFLINE:-} in
    true) arguments+=(--offline) ;;
    false) ;;
    "") [[ -z ${INPUT_FILES:-} || -n ${INPUT_SERVICE:-} ]] || arguments+=(--offline) ;;
    *) refuse "offline: give true or false" ;;
esac
lines "${INPUT_ARGUMENTS:-}"
arguments+=(${found[@]+"${found[@]}"})
arguments+=("--report=json=$report" "--report=sarif=$sarif" --report=github "--output=$out/report.txt")
lines "${INPUT_FILES:-}"
arguments+=(-- ${found[@]+"${found[@]}"})

summary=${GITHUB_STEP_SUMMARY:-/dev/null}
before=$(wc -c <"$summary")
rm -f -- "$sarif" "$report" # of an earlier run
code=0
"$doctor" "${arguments[@]}" >"$out/annotations" 2>"$out/messages" </dev/null || code=$?

# These texts quote the checked files, which must not send workflow commands to the runner.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$token"
for file in "$out/report.txt" "$out/messages"; do
    [[ ! -s $file ]] || cat "$file"
done
echo
echo "::$token::"
cat "$out/annotations"

case $code in
    0 | 1 | 3) verdict=$(sed -n 's/^  "verdict": "\([a-z]*\)",$/\1/p' "$report" 2>/dev/null | head -n 1) || true ;;
    *) verdict= ;;
esac
verdict=${verdict:-error}
if [[ $verdict == error || $(wc -c <"$summary") -eq $before ]]; then
    what="no report"
    [[ ! -f $report ]] || what="not everything was checked"
    {
        printf '### gmsa-doctor: %s (exit code %s)\n\n' "$what" "$code"
        head -c 20000 "$out/messages" | sed 's/^/    /'
    } >>"$summary"
    echo "::error title=gmsa-doctor::$what (exit code $code): see the log of the step"
fi
{
    echo "exit-code=$code"
    echo "verdict=$verdict"
    [[ ! -f $sarif ]] || echo "sarif=$sarif"
    [[ ! -f $report ]] || echo "report=$report"
} >>"$GITHUB_OUTPUT"
exit "$code"
