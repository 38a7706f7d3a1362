import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder for what the files of one run share. It goes when the run ends. */
    temporaryFolder: string;
  }
}

/** Runs once, before the first test file. */
export default function makeTemporaryFolder(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'amends-run-'));
  project.provide('temporaryFolder', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
