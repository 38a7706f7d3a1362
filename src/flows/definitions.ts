import { AmendsError } from '../errors.ts';
import type { AnyDefinition } from './definition.ts';

function keyOf(name: string, version: number): string {
  return `${name}@${version}`;
}

/** The sagas a process knows, several versions of one included: sagas in flight end on the plan they began with. */
export class Definitions {
  readonly #sagas = new Map<string, AnyDefinition>();

  /** @throws {AmendsError} PLAN_CHANGED when another plan is known under this name and version */
  add(saga: AnyDefinition): void {
    const key = keyOf(saga.name, saga.version);
    const known = this.#sagas.get(key);
    if (known !== undefined && known.plan.fingerprint !== saga.plan.fingerprint) throw planChanged(saga);
    this.#sagas.set(key, saga);
  }

  find(name: string, version: number): AnyDefinition | undefined {
    return this.#sagas.get(keyOf(name, version));
  }
}

export function planChanged({ name, version }: Pick<AnyDefinition, 'name' | 'version'>): AmendsError {
  return new AmendsError(
    'PLAN_CHANGED',
    `saga "${name}" version ${version} is known with other steps: sagas in flight run on that plan, so give this one version ${version + 1} and keep the old one registered until those have ended`,
    { details: { saga: name, version } },
  );
}
