# The targets for Google Cloud. deploy/service-accounts.md says which account may run which target.

JOB_NAME    ?= fanout
launches     = $(filter launch update update-check,$(MAKECMDGOALS))
# A running job keeps its number of workers until it gets a new one.
ifeq ($(filter workers,$(MAKECMDGOALS)),)
MAX_WORKERS ?= 3
endif
ifneq ($(launches),)
# Only from the command line: the shell may still have the embedded stack's variables, printed by make up.
DATABASE_URL      =
SUBSCRIPTION      = projects/$(value PROJECT)/subscriptions/fanout-pipeline
DEAD_LETTER_TOPIC = projects/$(value PROJECT)/topics/domain-events-dead
unexport DATABASE_URL SUBSCRIPTION DEAD_LETTER_TOPIC
endif

# The variables without a default: which target needs them, and an example of each.
needs-image          := IMAGE
needs-service-image  := SERVICE_IMAGE
needs-debezium-image := DEBEZIUM_IMAGE
needs-template       := IMAGE TEMPLATE
needs-topics         := PROJECT
needs-schedules      := PROJECT REGION
needs-launch         := PROJECT REGION IMAGE TEMPLATE STAGING SERVICE_ACCOUNT SUBNETWORK \
                        DATABASE_URL DATABASE_PASSWORD_SECRET DATABASE_CA_SECRET
needs-update         := $(needs-launch)
needs-update-check   := $(needs-launch)
needs-workers        := PROJECT REGION JOB MAX_WORKERS
needs-drain          := PROJECT REGION JOB
needs-cancel         := PROJECT REGION JOB

like-PROJECT                  := acme-prod
like-REGION                   := europe-west1
like-IMAGE                    := europe-west1-docker.pkg.dev/acme-prod/fanout/pipeline:0.1.0
like-SERVICE_IMAGE            := europe-west1-docker.pkg.dev/acme-prod/fanout/service:0.1.0
like-DEBEZIUM_IMAGE           := europe-west1-docker.pkg.dev/acme-prod/fanout/debezium:0.1.0
like-TEMPLATE                 := gs://acme-fanout/template.json
like-STAGING                  := gs://acme-fanout/staging
like-SERVICE_ACCOUNT          := fanout-pipeline@acme-prod.iam.gserviceaccount.com
like-SUBNETWORK               := regions/europe-west1/subnetworks/workers
like-DATABASE_URL             := postgresql://fanout_pipeline@10.0.0.5/app
like-DATABASE_PASSWORD_SECRET := projects/acme-prod/secrets/fanout-database-password
like-DATABASE_CA_SECRET       := projects/acme-prod/secrets/fanout-server-ca
like-JOB                      := fanout, or its id
like-MAX_WORKERS              := 9

# Commands get these as arguments. In the environment, make would expand them.
unexport $(needs-image) $(needs-service-image) $(needs-debezium-image) $(needs-drain) $(filter-out DATABASE_URL,$(needs-launch))
unexport JOB_NAME MAX_WORKERS PARAMETERS GCLOUD_FLAGS TRANSFORM_NAME_MAPPINGS CONFIRM

# The value of a variable, where make expands only a default; and a text quoted as one word for the shell.
text     = $(if $(filter file,$(origin $(1))),$($(1)),$(value $(1)))
quoted   = '$(subst ','\'',$(1))'
argument = $(call quoted,$(call text,$(1)))

$(foreach goal,$(MAKECMDGOALS),$(foreach name,$(needs-$(goal)),$(if $(strip $(value $(name))),,\
  $(error make $(goal) needs $(name), for example $(name)=$(like-$(name))))))
ifneq ($(launches),)
# Everyone who may see the job can read its parameters.
secretive = $(shell printf '%s' $(call argument,$(1)) | grep -Eq '://[^/@]*:[^/@]*@|password=' && echo refused)
$(foreach name,DATABASE_URL PARAMETERS GCLOUD_FLAGS,$(if $(call secretive,$(name)),\
  $(error $(name) must hold no password: name its secret, for example DATABASE_PASSWORD_SECRET=$(like-DATABASE_PASSWORD_SECRET))))
# Warns before the launch that more rights are needed. Otherwise the job would start and then stand still.
attribute := $(shell printf '%s' $(call argument,PARAMETERS) | tr ',;^' '\n\n\n' | sed -n 's/^timestamp_attribute=//p' | tail -1)
ifneq ($(filter-out publish_time,$(attribute)),)
$(info With timestamp_attribute, Dataflow creates another subscription: deploy/service-accounts.md lists the rights for it)
endif
endif
ifneq ($(filter cancel,$(MAKECMDGOALS)),)
ifneq ($(value CONFIRM),yes)
# Pub/Sub redelivers only unacknowledged messages, and the job may acknowledge a message before it writes its rows.
$(error make cancel drops the events that the job has read but not written; make drain would write them. To cancel, add CONFIRM=yes, then run catch-up)
endif
endif

where = --project=$(call argument,PROJECT) --region=$(call argument,REGION)
build = docker buildx build --platform=linux/amd64 --push

.PHONY: image
image: ## build the image of launcher and workers and push it: IMAGE
	@$(build) --file=deploy/Dockerfile --tag=$(call argument,IMAGE) .

.PHONY: service-image
service-image: ## build the image of the HTTP service and push it: SERVICE_IMAGE
	@$(build) --file=deploy/kubernetes/Dockerfile --target=service --tag=$(call argument,SERVICE_IMAGE) .

.PHONY: debezium-image
debezium-image: ## build Debezium Server with its configuration and push it: DEBEZIUM_IMAGE
	@$(build) --tag=$(call argument,DEBEZIUM_IMAGE) debezium

.PHONY: template
template: setup ## upload the flex template that names the image: IMAGE TEMPLATE
	@spec=$$($(BIN)/python -m pipeline.runtime.template --image $(call argument,IMAGE)) && \
	  printf '%s\n' "$$spec" | gcloud storage cp - $(call argument,TEMPLATE)

# A subscription without readers is deleted with its messages after 31 days, unless it never expires.
subscription = gcloud pubsub subscriptions describe $(1) --project=$(call argument,PROJECT) >/dev/null 2>&1 || \
	  gcloud pubsub subscriptions create $(1) --project=$(call argument,PROJECT) --topic=$(2) \
	  --ack-deadline=600 --message-retention-duration=7d --expiration-period=never

.PHONY: topics
topics: ## create the missing Pub/Sub topics and subscriptions: PROJECT
	@for topic in domain-events domain-events-dead domain-events-heartbeats job-ticks deliveries reaction-events; do \
	  gcloud pubsub topics describe $$topic --project=$(call argument,PROJECT) >/dev/null 2>&1 || \
	  gcloud pubsub topics create $$topic --project=$(call argument,PROJECT) || exit 1; \
	done
	@$(call subscription,fanout-pipeline,domain-events)
	@$(call subscription,fanout-dead-letters,domain-events-dead)
	@$(call subscription,fanout-mail,deliveries)
	@$(call subscription,fanout-push,deliveries)
	@$(call subscription,fanout-reactions,reaction-events)
	@$(call subscription,fanout-jobs,job-ticks)

# Without an instant: Cloud Scheduler's attributes never change, so the publish time says which instant it is.
location = --project=$(call argument,PROJECT) --location=$(call argument,REGION)

.PHONY: schedules
schedules: setup ## create or update the entries of Cloud Scheduler that tick the scheduled jobs: PROJECT REGION
	@lines=$$($(BIN)/python -m pipeline.runtime.schedules) && printf '%s\n' "$$lines" | while IFS='|' read -r job cron zone; do \
	  if gcloud scheduler jobs describe "fanout-$$job" $(location) </dev/null >/dev/null 2>&1; \
	  then verb=update attributes=--update-attributes; else verb=create attributes=--attributes; fi; \
	  gcloud scheduler jobs $$verb pubsub "fanout-$$job" $(location) --topic=job-ticks "--schedule=$$cron" "--time-zone=$$zone" \
	    "$$attributes=job=$$job" --max-retry-attempts=5 </dev/null || exit 1; \
	done

# Two semicolons separate parameters, because a connection string may contain commas. $(\) joins lines.
parameters = ^;;^subscription=$(call text,SUBSCRIPTION);;dead_letter_topic=$(call text,DEAD_LETTER_TOPIC)$(\
  );;database_url=$(call text,DATABASE_URL);;database_password_secret=$(call text,DATABASE_PASSWORD_SECRET)$(\
  );;database_ca_secret=$(call text,DATABASE_CA_SECRET);;sdk_container_image=$(call text,IMAGE)
run = gcloud dataflow flex-template run $(call argument,JOB_NAME) $(where) \
	  --template-file-gcs-location=$(call argument,TEMPLATE) --staging-location=$(call argument,STAGING) \
	  --service-account-email=$(call argument,SERVICE_ACCOUNT) --max-workers=$(call argument,MAX_WORKERS) \
	  --subnetwork=$(call argument,SUBNETWORK) --disable-public-ips \
	  --parameters=$(call quoted,$(parameters))$(if $(value PARAMETERS), --parameters=$(call argument,PARAMETERS))
# Each word is a flag. Put a flag whose value contains a space into a file: GCLOUD_FLAGS=--flags-file=FILE.
flags    = $(foreach flag,$(call text,GCLOUD_FLAGS), $(call quoted,$(flag)))
mappings = $(if $(value TRANSFORM_NAME_MAPPINGS), --transform-name-mappings=$(call argument,TRANSFORM_NAME_MAPPINGS))

.PHONY: launch
launch: ## start the job; without variables it lists those it needs; PARAMETERS=name=value,... adds parameters
	@$(run)$(flags)

.PHONY: update
update: ## replace the running job of that name by this version; same variables as launch
	@$(run)$(flags) --update$(mappings)

# gcloud passes a service option as an experiment: https://cloud.google.com/dataflow/docs/reference/service-options
.PHONY: update-check
update-check: ## ask Dataflow whether it would accept the update, and change nothing; same variables as update
	@$(run)$(flags) --update$(mappings) --additional-experiments=graph_validate_only

# gcloud accepts only the id of a job.
find = id=$$(gcloud dataflow jobs list $(where) --status=active --format='value(id)' \
	  --filter=$(call quoted,id="$(call text,JOB)" OR name="$(call text,JOB)")) && \
	  if [ -z "$$id" ]; then echo 'no running job has this id or name: '$(call argument,JOB) >&2; exit 1; fi

# As at the launch: workers x processes x pool_size must not exceed database_connections.
.PHONY: workers
workers: setup ## change the running job's maximum number of workers: PROJECT REGION JOB MAX_WORKERS, and PARAMETERS of launch
	@$(BIN)/python -m pipeline.runtime.launch.workers$(if $(value PARAMETERS), --parameters=$(call argument,PARAMETERS))$(\
	  ) --workers=$(call argument,MAX_WORKERS)$(flags) && $(find) && \
	  gcloud dataflow jobs update-options "$$id" $(where) --max-num-workers=$(call argument,MAX_WORKERS)

# gcloud exits with status 0 even if it could not stop the job.
stop = $(find) && \
	  if gcloud dataflow jobs $(1) "$$id" $(where) 2>&1 | tee /dev/stderr | grep -E '^(Failed|ERROR)' >/dev/null; then exit 1; fi

.PHONY: drain
drain: ## stop the job after it has written every event that it has read: PROJECT REGION JOB
	@$(call stop,drain)

.PHONY: cancel
cancel: ## stop the job at once and drop the events that it has read: PROJECT REGION JOB CONFIRM=yes
	@$(call stop,cancel)
