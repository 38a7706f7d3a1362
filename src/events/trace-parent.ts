/** What is asked of `@opentelemetry/api`, which is there only where the application has installed it. */
interface OpenTelemetry {
  readonly context: { active(): unknown };
  readonly propagation: { inject(context: unknown, carrier: Record<string, string>): void };
}

let found: Promise<OpenTelemetry | undefined> | undefined;

async function load(): Promise<OpenTelemetry | undefined> {
  try {
    // A name the compiler does not follow: the package is no dependency.
    const name = '@opentelemetry/api' as string;
    return (await import(name)) as OpenTelemetry;
  } catch {
    return undefined;
  }
}

/** The W3C trace context that is active, if there is any. */
export async function activeTraceParent(): Promise<string | undefined> {
  const api = await (found ??= load());
  if (api === undefined) return undefined;
  const carrier: Record<string, string> = {};
  api.propagation.inject(api.context.active(), carrier);
  return carrier['traceparent'];
}
