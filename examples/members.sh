#!/bin/sh
# The README's story between real processes: an owner, a reader, a relay that only carries, and a tablet that is lost and
# revoked. Prints each command before it runs it, checks each claim, and ends with an error at the first that does not hold.
#
#   examples/members.sh      with `bulla` and `bulla-node` from the PATH, else from target/release or target/debug
#
# Everything lies in a temporary folder, the relay listens on any free port of loopback, and only what was started here is
# ended. The commands under 'Use it' and 'Run a node' in README.md are those below: see `agrees`.
set -euf
script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
readme=$(dirname "$script")/../README.md
PATH=$PATH:$(dirname "$readme")/target/release:$(dirname "$readme")/target/debug

# What somebody has set for their own devices must not lead this story to them.
unset XDG_DATA_HOME BULLA_HOME BULLA_PASSPHRASE BULLA_NODE_CONFIG BULLA_NODE_DATA_DIR BULLA_NODE_ADMIN \
  BULLA_NODE_KEY_FILE BULLA_NODE_PASSPHRASE_FILE BULLA_NODE_READY_FILE BULLA_NODE_LOG_LEVEL BULLA_NODE_LOG_FORMAT
export BULLA_NODE_LISTEN=127.0.0.1:0
work=$(mktemp -d)
said=$work/said
node=
pairing=
reason='a command of the script itself'

die() {
  reason=$*
  exit 1
}

# finish: ends what runs still, and says why when something failed.
finish() {
  status=$?
  trap - EXIT
  for process in $pairing; do
    kill "$process" 2>/dev/null || :
  done
  if [ -n "$node" ]; then
    kill "$node" 2>/dev/null || :
    wait "$node" || :
    [ "$status" -eq 0 ] || sed 's/^/relay: /' "$work/relay.log" >&2
  fi
  [ "$status" -eq 0 ] || printf 'FAILED: %s\n' "$reason" >&2
  rm -r "$work"
  exit "$status"
}
trap finish EXIT
trap 'reason=interrupted; exit 130' INT TERM HUP

# at NAME: what follows is typed there. Each device has a home, and a passphrase, of its own.
at() {
  device=$1
  export HOME="$work/$device" BULLA_PASSPHRASE_FILE="$work/$device.passphrase"
  mkdir -p "$HOME"
  cd "$HOME"
  [ -e "$BULLA_PASSPHRASE_FILE" ] || (umask 077; echo "the passphrase of the $device" >"$BULLA_PASSPHRASE_FILE")
}

# meant WORD...: the words with what the README's placeholders stand for, in `words`, one a line.
meant() {
  for word; do
    case $word in
      SPACE_ID) word=$SPACE_ID ;;
      LINE) word=$LINE ;;
      INVITATION) word=$INVITATION ;;
      NODE_KEY) word=$NODE_KEY ;;
      https://relay.example:7440) word=$URL ;;
    esac
    printf '%s\n' "$word"
  done
}

# show WORD...: prints a command before it is run. Words are split at ends of lines from here on.
IFS='
'
show() {
  old_ifs=$IFS
  IFS=' '
  printf '\n[%s] $ %s\n' "$device" "$*"
  IFS=$old_ifs
}

# try WORD...: prints a command and runs it; what it printed is in the file `said`, how it ended in `ended`.
try() {
  # shellcheck disable=SC2046 # one word a line
  set -- $(meant "$@")
  show "$@"
  ended=0
  "$@" >"$said" || ended=$?
  cat "$said"
}

# run WORD...: a command that must succeed.
run() {
  try "$@"
  [ "$ended" -eq 0 ] || die "this ended with $ended"
}

# refused NUMBER WORD...: a command that must end with this number.
refused() {
  expected=$1
  shift
  try "$@"
  [ "$ended" -eq "$expected" ] || die "this ended with $ended and had to end with $expected"
  printf '[ok] refused, as it must be\n'
}

# serve WORD...: starts the relay, and waits for the line that it prints when it serves.
serve() {
  mkfifo "$work/ready"
  show "$@" '&'
  "$@" >"$work/ready" 2>"$work/relay.log" &
  node=$!
  ready=$(timeout 120 head -n 1 "$work/ready") || die 'the relay does not start'
  printf '%s\n' "$ready"
  URL=http://$(printf '%s\n' "$ready" | sed -n 's/.*"listen":"\([^"]*\)".*/\1/p')
}

# begin WORD...: starts a command that will ask for a code; what it says goes to the pipe `$device.says`.
begin() {
  # shellcheck disable=SC2046
  set -- $(meant "$@")
  mkfifo "$work/$device.says"
  show "$@" '&'
  "$@" >"$work/$device.says" 2>&1 &
  process=$!
  pairing="$pairing
$process"
}

# code_of NAME: reads from standard input what a device says, up to its code, which goes to `code`.
code_of() {
  code=
  while IFS= read -r line; do
    printf '[%s] %s\n' "$1" "$line"
    case $line in
      'This device shows: '*)
        code=${line#This device shows: }
        return
        ;;
    esac
  done
  die "the $1 shows no code"
}

# holds CLAIM WORD...: the command must succeed.
holds() {
  claim=$1
  shift
  "$@" || die "not so: $claim"
  printf '[ok] %s\n' "$claim"
}

# lacks WORD...: the command must fail.
lacks() {
  ! "$@"
}

# agrees HEADING: each command of the first block under this heading of the README is below, in the same order.
agrees() {
  awk -v heading="$1" '
    { sub(/[ \t]+#.*$/, ""); sub(/^[ \t]+/, "") }
    FNR == NR { sub(/^(run|serve|begin|refused [0-9]+) /, ""); script[++lines] = $0; next }
    $0 == heading { here = 1; next }
    here == 1 && $0 == "```sh" { here = 2; next }
    here == 2 && $0 == "```" { exit }
    here == 2 && $0 != "" && $0 !~ /^#/ {
      commands++
      while (at < lines && index(script[++at], $0) != 1);
      if (index(script[at], $0) != 1) { print "not in this script, or not in this order: " $0; missing = 1; exit }
    }
    END { exit missing || commands < 5 }
  ' "$script" "$readme"
}

for program in bulla bulla-node; do
  printf '%s: %s\n' "$program" "$(command -v "$program")" || die "there is no $program: build it with ./run"
done
holds "the commands are those of the README, 'Use it'" agrees '## Use it'
holds "the commands are those of the README, 'Run a node'" agrees '### Run a node'

# ---- an owner --------------------------------------------------------------------------------------------------------
at laptop
mkdir -p Documents/notes
echo 'Nine jars of barley, under the third seal.' >Documents/notes/barley.txt
run bulla identity create --label laptop
run bulla space create --name notes
SPACE_ID=$(sed -n 's/^space //p' "$said")
run bulla file add ~/Documents/notes

# ---- a relay that only carries: it is told which space to serve, and nothing of who may use it -----------------------
at relay
(umask 077; head -c 24 /dev/urandom | base64 > passphrase)
cat > node.toml <<'TOML'
key_file = "node.key"
passphrase_file = "passphrase"
data_dir = "data"

[listen]
address = "127.0.0.1:7440"

[[space]]
id = "SPACE_ID"
mode = "relay"

[mailbox]
enabled = true
TOML
sed "s/SPACE_ID/$SPACE_ID/" node.toml >node.new
mv node.new node.toml
run bulla-node key create --config node.toml
NODE_KEY=$(sed 's/.* //' "$said")
run bulla-node config check --config node.toml
serve bulla-node run --config node.toml

at laptop
run bulla space grant NODE_KEY --role relay
run bulla sync https://relay.example:7440 --node NODE_KEY

# ---- a reader comes in by an invitation, and each person types the code that the other device shows ------------------
run bulla invite
INVITATION=$(cat "$said")
begin bulla device add --role reader --code-file "$work/typed at the laptop" --wait 120s --look-every 50ms
add=$process

at phone
run bulla identity create --label phone
begin bulla device join INVITATION --code-file "$work/typed at the phone" --wait 120s --look-every 50ms
join=$process
exec 4<"$work/laptop.says" 5<"$work/phone.says"
code_of laptop <&4
shown=$code
code_of phone <&5
holds 'both devices show one code' [ "$shown" = "$code" ]
echo "$code" >"$work/typed at the laptop"
echo "$shown" >"$work/typed at the phone"
wait "$add" || die "the laptop let nobody in: $(cat <&4)"
wait "$join" || die "the phone did not come in: $(cat <&5)"
pairing=
cat <&4
cat <&5
exec 4<&- 5<&-
run bulla sync
run bulla space members
for row in 'phone .* reader' ' relay ' ' admin '; do
  holds "the phone knows who belongs to the space: $row" grep -q "$row" "$said"
done
run bulla file restore ~/notes
holds 'the phone has what the laptop stored' diff -r "$work/laptop/Documents/notes" "$work/phone/notes"
refused 7 bulla file add ~/notes
refused 7 bulla invite

# ---- a writer comes in by a line, which somebody carries to the laptop -----------------------------------------------
at tablet
run bulla identity create --label tablet
run bulla space join SPACE_ID --name notes
run bulla space card
LINE=$(cat "$said")
refused 7 bulla sync https://relay.example:7440 --node NODE_KEY

at laptop
run bulla space grant LINE --role writer --label tablet
run bulla sync

at tablet
mkdir drafts late
echo 'One jar was opened.' >drafts/opened.txt
run bulla sync https://relay.example:7440 --node NODE_KEY
run bulla file add ~/drafts
run bulla sync
run bulla file list
holds 'the tablet reads what the laptop stored' grep -q barley.txt "$said"

# ---- the tablet is lost ----------------------------------------------------------------------------------------------
at laptop
run bulla sync
run bulla space revoke tablet
run bulla sync
mkdir Documents/later
echo 'The barley was moved to the house of the weaver.' >Documents/later/moved.txt
run bulla file add ~/Documents/later
run bulla sync

at tablet
echo 'It is only me, the tablet.' >late/again.txt
run bulla file add ~/late
refused 7 bulla sync
refused 7 bulla sync --push
refused 7 bulla sync --pull

at phone
run bulla sync
run bulla file list
holds 'the phone reads on' grep -q moved.txt "$said"
holds 'what the tablet wrote in time counts' grep -q opened.txt "$said"
holds 'what it wrote late does not' lacks grep -q again.txt "$said"
run bulla space members
holds 'the tablet belongs to the space no more' lacks grep -q tablet "$said"

# ---- a copy of everything, handed to the tablet, opens nothing new; and nobody takes what it wrote late --------------
run bulla bundle export ~/everything
at tablet
run bulla bundle import "$work/phone/everything"
run bulla file list
holds 'the tablet lists what it could read before' grep -q opened.txt "$said"
holds 'and nothing that came after' lacks grep -q moved.txt "$said"
refused 7 bulla file add ~/drafts
run bulla bundle export ~/late.bundle
at laptop
run bulla bundle import "$work/tablet/late.bundle"
run bulla file list
holds 'the laptop does not take it' lacks grep -q again.txt "$said"
run bulla quarantine list
holds 'it is kept aside, with the reason' grep -q 'directory\.cut' "$said"

# ---- the relay has all of it, and none of the words ------------------------------------------------------------------
kill "$node"
wait "$node" || die 'the relay did not end as it should'
node=
printf '\n'
for word in barley moved.txt 'The tablet' laptop weaver Documents; do
  holds "the relay wrote nothing with '$word' in it" lacks grep -rqF "$word" "$work/relay" "$work/relay.log"
done
printf '\nAll of it holds.\n'
