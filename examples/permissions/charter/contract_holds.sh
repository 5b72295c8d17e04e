# A property of code by a verifier of others: ends with status 0 where why3, with z3, proves the charter's contract of the
# candidate's body. Words that could weaken the question (axiom, assume, val ...) are none of those that are let in.
set -eu
body=/in/subject/limit.whyml
[ "$(wc -c < "$body")" -le 1000 ] || { echo "the body has more than 1,000 bytes" >&2; exit 1; }
if LC_ALL=C grep -q '[^a-z0-9<>=+ ()-]' "$body" || LC_ALL=C grep -oE '[a-z]+' "$body" | grep -qvxE 'if|then|else|asked|most'; then
  echo "the body has a word or a sign that the charter does not let in" >&2
  exit 1
fi
cat contract_head.mlw "$body" contract_foot.mlw > /tmp/limit.mlw
answer=$(why3 prove -C why3.conf -P z3 -t 10 /tmp/limit.mlw 2>&1) && exit 0
echo "the contract of limit is not proved: $answer" >&2
exit 1
