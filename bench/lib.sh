# lib.sh: what the run-* scripts here have in common; sourced.

# median [NONE]: of the numbers on stdin, on one line or on several; where two are in the middle, the mean of these. NONE (nothing) where there are none.
median() {
    tr ' ' '\n' | sort -n | awk -v OFMT=%.15g -v none="${1:-}" '
        NF { v[++n] = $1 }
        END { if (n) print (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2; else if (none != "") print none }'
}
