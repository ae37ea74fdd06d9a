#!/usr/bin/env bash
# Create the log-based metrics, alert policies and dashboard in a project, or update what is there.
#
#   deploy/monitoring/apply.sh PROJECT [CHANNEL ...]
#
# CHANNEL: projects/P/notificationChannels/N. A policy notifies exactly the channels given, so name
# all of them each time. Safe to repeat; what is ours is recognised by its name.
set -euo pipefail

if [[ $# -eq 0 || $1 == -* ]]; then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
export CLOUDSDK_CORE_PROJECT=$1 CLOUDSDK_CORE_DISABLE_PROMPTS=1
channels=$(IFS=,; echo "${*:2}")
cd "$(dirname "$0")"

# Alert policies left the alpha track in 2025.
track=""
gcloud monitoring policies list --help >/dev/null 2>&1 || track=alpha

field() { # FILE KEY
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$@"
}

# First: a policy must not name a metric that does not exist.
for file in log-metrics/*.json; do
  name=$(field "$file" name)
  if gcloud logging metrics describe "$name" >/dev/null 2>&1; then
    gcloud logging metrics update "$name" --config-from-file="$file" >/dev/null
  else
    gcloud logging metrics create "$name" --config-from-file="$file" >/dev/null
  fi
  echo "metric     $name"
done

for file in alerts/*.json; do
  title=$(field "$file" displayName)
  # Not with --limit, which gcloud applies before the filter.
  policy=$(gcloud $track monitoring policies list --format='value(name)' \
    --filter="displayName=\"$title\" AND userLabels.system=fanout")
  policy=${policy%%$'\n'*}
  if [[ -z $policy ]]; then
    gcloud $track monitoring policies create --policy-from-file="$file" \
      ${channels:+--notification-channels="$channels"} >/dev/null
  else
    gcloud $track monitoring policies update "$policy" --policy-from-file="$file" \
      ${channels:+--set-notification-channels="$channels"} >/dev/null
  fi
  echo "policy     $title"
done

title=$(field dashboard.json displayName)
dashboard=$(gcloud monitoring dashboards list --format='value(name)' \
  --filter="displayName=\"$title\"")
dashboard=${dashboard%%$'\n'*}
if [[ -z $dashboard ]]; then
  gcloud monitoring dashboards create --config-from-file=dashboard.json >/dev/null
else
  # An update has to say which version it replaces.
  etag=$(gcloud monitoring dashboards describe "$dashboard" --format='value(etag)')
  gcloud monitoring dashboards update "$dashboard" >/dev/null --config="$(python3 -c '
import json, sys
print(json.dumps(json.load(open(sys.argv[1])) | {"etag": sys.argv[2]}))' dashboard.json "$etag")"
fi
echo "dashboard  $title"
