import { PrismaPg } from '@prisma/adapter-pg';
import { getPrismaClient, type Types } from '@prisma/client/runtime/client';

// The types of Node 20 don't have it.
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => unknown };

/** Raw queries as every generated client declares them. */
type RawQueries = Pick<Types.Extensions.ClientOtherOps, '$queryRawUnsafe' | '$executeRawUnsafe'>;

export interface PrismaClient extends RawQueries {
  $transaction<T>(work: (tx: RawQueries) => Promise<T>, options?: { readonly isolationLevel?: string }): Promise<T>;
  $disconnect(): Promise<void>;
}

const RUNTIME = '@prisma/client/runtime/query_compiler_fast_bg.postgresql';

/** What `prisma generate` writes for a schema without models: that command fetches engines, which this client does without. */
const Client = getPrismaClient({
  runtimeDataModel: { models: {}, enums: {}, types: {} },
  previewFeatures: [],
  clientVersion: '7',
  engineVersion: 'none',
  activeProvider: 'postgresql',
  inlineSchema: 'datasource db { provider = "postgresql" }',
  parameterizationSchema: { strings: [], graph: 'AAAA' }, // three counts of 0
  compilerWasm: {
    getRuntime: () => import(`${RUNTIME}.mjs`),
    async getQueryCompilerWasmModule() {
      const { wasm } = (await import(`${RUNTIME}.wasm-base64.mjs`)) as { readonly wasm: string };
      return new WebAssembly.Module(Buffer.from(wasm, 'base64'));
    },
    importName: './query_compiler_fast_bg.js',
  },
});

export function createPrismaClient(url: string): PrismaClient {
  return new Client({ adapter: new PrismaPg({ connectionString: url }) }) as unknown as PrismaClient;
}
