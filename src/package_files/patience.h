// SPDX-License-Identifier: Apache-2.0
#pragma once

// How long the platforms that a package is written for wait for it. Where the rules come from:
//
// - `HEALTHCHECK`: docs.docker.com/reference/dockerfile/#healthcheck. A container is unhealthy after `--retries` (3)
//   failures in a row, one each `--interval` (30 s), those within `--start-period` (0 s) not counted; a question fails
//   after `--timeout` (30 s).
// - Compose: docs.docker.com/reference/compose-file/services/. `healthcheck` overrides the image's values one by one;
//   `stop_grace_period` is told only where it is written.
// - Kubernetes: kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes. A container
//   is started again after `initialDelaySeconds` (0) and `failureThreshold` (3) failures, one each `periodSeconds` (10).
//   Its livenessProbe waits for its startupProbe. A failing readinessProbe ends nothing. A question fails after
//   `timeoutSeconds` (1), and a pod has `terminationGracePeriodSeconds` (30) to end. 0 is the default. Knative gives a
//   revision its own time to end, so none is told.
// - gunicorn: see gunicorn.h.
//
// All of these never fail: what cannot be read, or holds a value that only a template or a variable gives, says nothing.
// Lines are those of the file as a whole, also in its later documents.

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "facts/package_files.h"
#include "package_files/gunicorn.h"

namespace runup {

// Of the built image's HEALTHCHECK, and of gunicorn as its ENTRYPOINT and CMD start it.
std::vector<PatienceFacts> patience_of_dockerfile(const DockerfileFacts& dockerfile,
                                                  std::span<const GunicornConfig> configs);

// Of the services that have `build:`; when none has, of all whose image is not one of the well-known databases, brokers
// and proxies. `image` is the HEALTHCHECK of the package's Dockerfile, whose values a service's `healthcheck` keeps.
std::vector<PatienceFacts> patience_of_compose(std::string_view bytes, std::string_view file,
                                               const std::optional<HealthcheckTimes>& image,
                                               std::span<const GunicornConfig> configs);

// Of the documents that are a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Pod, a Service of Knative or
// a List of these. A container without `image` is part of an overlay; what it leaves out stands elsewhere, so only the
// pod's written terminationGracePeriodSeconds is told. gunicorn is looked for in `command` and `args`.
std::vector<PatienceFacts> patience_of_manifest(std::string_view bytes, std::string_view file,
                                                std::span<const GunicornConfig> configs);

// Of gunicorn in the lines `NAME: COMMAND`.
std::vector<PatienceFacts> patience_of_procfile(std::string_view bytes, std::string_view file,
                                                std::span<const GunicornConfig> configs);

}  // namespace runup
