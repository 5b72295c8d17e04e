# A property of code by a proof checker of others: the candidate writes definition and proof (LimitProof.v), the charter
# the statement. Ends with status 0 where coqchk accepts the whole and finds no axiom in it.
set -eu
export OCAMLFIND_CONF=/in/charter/findlib.conf
mkdir /tmp/proof
cp Statement.v Checked.v /tmp/proof
cp /in/subject/LimitProof.v /tmp/proof
cd /tmp/proof
coqc -q Statement.v
coqc -q LimitProof.v
cp -f /in/charter/Statement.v /in/charter/Checked.v .
coqc -q Statement.v
coqc -q Checked.v
coqchk -silent -o Checked > /tmp/summary 2>&1 || { tail -5 /tmp/summary >&2; exit 1; }
for line in '* Axioms: <none>' '* Theory: Set is predicative' '* Constants/Inductives relying on type-in-type: <none>' \
            '* Constants/Inductives relying on unsafe (co)fixpoints: <none>' '* Inductives whose positivity is assumed: <none>'; do
  grep -qxF -- "$line" /tmp/summary || { echo "coqchk does not say '$line'" >&2; cat /tmp/summary >&2; exit 1; }
done
