import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
  type Resource,
} from '@opentelemetry/resources';
import type { TelemetryIdentity } from '../telemetry-options.ts';

/**
 * What spans and metrics say of their process. Only what we name and what `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` add: the
 * SDK's detectors would send command line, user and paths along.
 */
export function resourceOf({ service, instance, cluster }: TelemetryIdentity): Resource {
  const own = resourceFromAttributes({
    'service.name': `longshore-${service}`,
    'service.namespace': 'longshore',
    'service.instance.id': instance,
    'longshore.cluster': cluster,
  });
  return own.merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }));
}
