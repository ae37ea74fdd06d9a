# The targets for Google Cloud. Who may run which: deploy/service-accounts.md.

JOB_NAME    ?= fanout
launches     = $(filter launch update update-check,$(MAKECMDGOALS))
# A running job keeps the number it has until another is given.
ifeq ($(filter workers,$(MAKECMDGOALS)),)
MAX_WORKERS ?= 3
endif
ifneq ($(launches),)
# On the command line only: a shell may still have those that make up printed for the embedded stack.
DATABASE_URL      =
SUBSCRIPTION      = projects/$(value PROJECT)/subscriptions/fanout-pipeline
DEAD_LETTER_TOPIC = projects/$(value PROJECT)/topics/domain-events-dead
unexport DATABASE_URL SUBSCRIPTION DEAD_LETTER_TOPIC
endif

# What has no default: which target needs it, and what it looks like.
needs-image          := IMAGE
needs-debezium-image := DEBEZIUM_IMAGE
needs-template       := IMAGE TEMPLATE
needs-topics         := PROJECT
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

# A command has them as arguments; in its environment make would put them expanded.
unexport $(needs-image) $(needs-debezium-image) $(needs-drain) $(filter-out DATABASE_URL,$(needs-launch))
unexport JOB_NAME MAX_WORKERS PARAMETERS GCLOUD_FLAGS TRANSFORM_NAME_MAPPINGS CONFIRM

# The value of a variable, of which only a default is expanded; and a text as one word for the shell.
text     = $(if $(filter file,$(origin $(1))),$($(1)),$(value $(1)))
quoted   = '$(subst ','\'',$(1))'
argument = $(call quoted,$(call text,$(1)))

$(foreach goal,$(MAKECMDGOALS),$(foreach name,$(needs-$(goal)),$(if $(strip $(value $(name))),,\
  $(error make $(goal) needs $(name), for example $(name)=$(like-$(name))))))
ifneq ($(launches),)
# Parameters are shown to everyone who may see the job.
secretive = $(shell case $(call argument,$(1)) in (*://*:*@* | *password=*) echo refused;; esac)
$(foreach name,DATABASE_URL PARAMETERS GCLOUD_FLAGS,$(if $(call secretive,$(name)),\
  $(error $(name) must hold no password: name its secret, for example DATABASE_PASSWORD_SECRET=$(like-DATABASE_PASSWORD_SECRET))))
# What needs more rights is said before the launch, not by a job that stands still.
attribute := $(shell printf '%s' $(call argument,PARAMETERS) | tr ',;^' '\n\n\n' | sed -n 's/^timestamp_attribute=//p' | tail -1)
ifneq ($(filter-out publish_time,$(attribute)),)
$(info With timestamp_attribute Dataflow makes a subscription of its own: see what that needs in deploy/service-accounts.md)
endif
endif
ifneq ($(filter cancel,$(MAKECMDGOALS)),)
ifneq ($(value CONFIRM),yes)
# Pub/Sub redelivers only what was not acknowledged, and the job may acknowledge before it writes rows.
$(error make cancel drops what the job has read and not yet written, which make drain would write; to go on add CONFIRM=yes, and run catch-up afterwards)
endif
endif

where = --project=$(call argument,PROJECT) --region=$(call argument,REGION)
build = docker buildx build --platform=linux/amd64 --push

.PHONY: image
image: ## build the image of launcher and workers and push it: IMAGE
	@$(build) --file=deploy/Dockerfile --tag=$(call argument,IMAGE) .

.PHONY: debezium-image
debezium-image: ## build Debezium Server with its configuration and push it: DEBEZIUM_IMAGE
	@$(build) --tag=$(call argument,DEBEZIUM_IMAGE) debezium

.PHONY: template
template: setup ## upload the flex template that names the image: IMAGE TEMPLATE
	@spec=$$($(BIN)/python -m pipeline.runtime.template --image $(call argument,IMAGE)) && \
	  printf '%s\n' "$$spec" | gcloud storage cp - $(call argument,TEMPLATE)

# Unless it never expires, a subscription that nobody reads for 31 days is deleted with its messages.
subscription = gcloud pubsub subscriptions describe $(1) --project=$(call argument,PROJECT) >/dev/null 2>&1 || \
	  gcloud pubsub subscriptions create $(1) --project=$(call argument,PROJECT) --topic=$(2) \
	  --ack-deadline=600 --message-retention-duration=7d --expiration-period=never

.PHONY: topics
topics: ## the Pub/Sub topics and subscriptions that are not there yet: PROJECT
	@for topic in domain-events domain-events-dead domain-events-heartbeats; do \
	  gcloud pubsub topics describe $$topic --project=$(call argument,PROJECT) >/dev/null 2>&1 || \
	  gcloud pubsub topics create $$topic --project=$(call argument,PROJECT) || exit 1; \
	done
	@$(call subscription,fanout-pipeline,domain-events)
	@$(call subscription,fanout-dead-letters,domain-events-dead)

# Two semicolons stand between parameters: a connection string may hold commas. $(\) joins lines.
parameters = ^;;^subscription=$(call text,SUBSCRIPTION);;dead_letter_topic=$(call text,DEAD_LETTER_TOPIC)$(\
  );;database_url=$(call text,DATABASE_URL);;database_password_secret=$(call text,DATABASE_PASSWORD_SECRET)$(\
  );;database_ca_secret=$(call text,DATABASE_CA_SECRET);;sdk_container_image=$(call text,IMAGE)
run = gcloud dataflow flex-template run $(call argument,JOB_NAME) $(where) \
	  --template-file-gcs-location=$(call argument,TEMPLATE) --staging-location=$(call argument,STAGING) \
	  --service-account-email=$(call argument,SERVICE_ACCOUNT) --max-workers=$(call argument,MAX_WORKERS) \
	  --subnetwork=$(call argument,SUBNETWORK) --disable-public-ips \
	  --parameters=$(call quoted,$(parameters))$(if $(value PARAMETERS), --parameters=$(call argument,PARAMETERS))
# Each word is a flag; one whose value holds a space goes into a file: GCLOUD_FLAGS=--flags-file=FILE.
flags    = $(foreach flag,$(call text,GCLOUD_FLAGS), $(call quoted,$(flag)))
mappings = $(if $(value TRANSFORM_NAME_MAPPINGS), --transform-name-mappings=$(call argument,TRANSFORM_NAME_MAPPINGS))

.PHONY: launch
launch: ## start the job; alone it says what it needs, PARAMETERS=name=value,... sets more
	@$(run)$(flags)

.PHONY: update
update: ## replace the running job of that name by this version; takes what launch takes
	@$(run)$(flags) --update$(mappings)

# To gcloud a service option is an experiment: https://cloud.google.com/dataflow/docs/reference/service-options
.PHONY: update-check
update-check: ## ask Dataflow whether update would be taken, and change nothing; takes what update takes
	@$(run)$(flags) --update$(mappings) --additional-experiments=graph_validate_only

# To gcloud a job is its id only.
find = id=$$(gcloud dataflow jobs list $(where) --status=active --format='value(id)' \
	  --filter=$(call quoted,id="$(call text,JOB)" OR name="$(call text,JOB)")) && \
	  if [ -z "$$id" ]; then echo 'no running job has that id or name: '$(call argument,JOB) >&2; exit 1; fi

# As for the launch: workers x processes x pool_size are no more than database_connections.
.PHONY: workers
workers: setup ## change how many workers the running job may have: PROJECT REGION JOB MAX_WORKERS, and PARAMETERS of launch
	@$(BIN)/python -m pipeline.runtime.launch.workers$(if $(value PARAMETERS), --parameters=$(call argument,PARAMETERS))$(\
	  ) --workers=$(call argument,MAX_WORKERS)$(flags) && $(find) && \
	  gcloud dataflow jobs update-options "$$id" $(where) --max-num-workers=$(call argument,MAX_WORKERS)

# gcloud ends with status 0 when it could not stop a job.
stop = $(find) && \
	  if gcloud dataflow jobs $(1) "$$id" $(where) 2>&1 | tee /dev/stderr | grep -E '^(Failed|ERROR)' >/dev/null; then exit 1; fi

.PHONY: drain
drain: ## stop the job after it has written what it has read: PROJECT REGION JOB
	@$(call stop,drain)

.PHONY: cancel
cancel: ## stop the job at once and drop what it has read: PROJECT REGION JOB CONFIRM=yes
	@$(call stop,cancel)
