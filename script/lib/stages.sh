# shellcheck shell=bash
# Sourced by script/test: named stages with their times. Checks run beside each other and are shown in order, all of
# them even if one fails; test stages run one after the other with their output as it comes.

REPORTS=$(mktemp -d)
trap 'rm -rf "$REPORTS"' EXIT
checks=()
failed=()
stages=0

# Seconds since the time "$1" in microseconds, with one decimal.
elapsed() { local tenths=$(((${EPOCHREALTIME/./} - $1) / 100000)) && echo "$((tenths / 10)).$((tenths % 10)) s"; }

report() { printf '%-4s %-14s %s\n' "$@"; }

# check NAME COMMAND...: starts the command; finish_checks waits for it.
check() {
  local name=$1 started=${EPOCHREALTIME/./} status
  shift
  checks+=("$name")
  {
    status=0
    "$@" >"$REPORTS/$name.log" 2>&1 </dev/null || status=$?
    echo "$status $(elapsed "$started")" >"$REPORTS/$name.status"
  } &
}

finish_checks() {
  local name status time
  wait
  for name in "${checks[@]}"; do
    read -r status time <"$REPORTS/$name.status"
    if ((status == 0)); then
      report ok "$name" "$time"
    else
      report FAIL "$name" "$time"
      failed+=("$name")
      cat "$REPORTS/$name.log"
    fi
  done
  ((${#failed[@]} == 0)) || summary
}

# stage NAME COMMAND...: runs the command now, its output on the terminal.
stage() {
  local name=$1 started=${EPOCHREALTIME/./}
  shift
  ((++stages))
  if "$@"; then
    report ok "$name" "$(elapsed "$started")"
  else
    report FAIL "$name" "$(elapsed "$started")"
    failed+=("$name")
  fi
}

# vitest PROJECT REPORT ARGUMENTS...: its own report goes to the terminal, what the closing lines need to a file.
vitest_run() {
  local project=$1 report=$2
  shift 2
  TEST_REPORT=$report vitest run --project "$project" --reporter=default --reporter="$ROOT/tools/test-report.ts" "$@" </dev/null
}

# A file or two that failed get a second run, alone (docs/adr/0010): what passes then is told at the end as unsteady.
tests() {
  local project=$1 report=$REPORTS/$1.json again=()
  shift
  # a filter may choose tests of one project only
  (($# == 0)) || set -- --passWithNoTests "$@"
  ! vitest_run "$project" "$report" "$@" || return 0
  [[ -e $report ]] || return 1 # the runner itself failed, and has said how
  ((${once:-0} == 1)) || mapfile -t again < <(node "$ROOT/script/lib/again.mjs" "$report")
  ((${#again[@]} > 0)) || return 1
  printf 'script/test: once more, alone: %s\n' "${again[*]}"
  vitest_run "$project" "${report%.json}.again.json" --maxWorkers=1 "${again[@]}"
}

# The closing lines, from the test stages' own reports, and the exit status. A run without a single test is no success.
# Which tests failed, and why in a line, is said last: there it is found also where only the end of the output was kept.
summary() {
  local reports passed broken skipped details
  mapfile -t reports < <(compgen -G "$REPORTS/*.json")
  {
    read -r passed broken skipped
    details=$(cat)
  } < <(node "$ROOT/script/lib/summary.mjs" "${reports[@]}")
  ((passed + broken > 0 || ${#failed[@]} > 0)) || failed+=(no-test-ran)
  echo "script/test: ${#checks[@]} checks, $stages test stages, $SECONDS s; failed: ${failed[*]:-none}"
  echo "tests: $passed passed, $broken failed, $skipped skipped"
  [[ -z $details ]] || echo "$details"
  ((${#failed[@]} == 0)) && exit 0
  exit 1
}
