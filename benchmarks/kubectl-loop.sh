#!/bin/sh
# What people write first: fetch when told, and apply each application that is followed.
# Arguments: kubectl, the repository's URL, a folder to work in, a namespace, a file that tells.
set -u
kubectl=$1 url=$2 work=$3 namespace=$4 told=$5
git clone -q "$url" "$work" || exit 1
cd "$work" || exit 1
while :; do
  [ -e "$told" ] || { sleep 0.05; continue; }
  rm "$told"
  git pull -q --ff-only
  commit=$(git rev-parse HEAD)
  for name in $("$kubectl" -n "$namespace" get configmaps -l followed -o name); do
    name=${name#configmap/}
    "$kubectl" -n "$namespace" apply --server-side -f "$name/objects.yaml" >/dev/null &&
      "$kubectl" -n "$namespace" patch configmap "$name" -p "{\"data\":{\"commit\":\"$commit\"}}" >/dev/null
  done
done
