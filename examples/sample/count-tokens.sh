#!/bin/sh
# Counts the tokens of every envelope in the inventory.
awk -F, 'NR > 1 { sum += $2 } END { print sum " tokens" }' "$(dirname "$0")/inventory.csv"
