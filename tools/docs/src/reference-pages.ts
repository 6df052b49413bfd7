import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { errorsPage } from './errors-page.ts';
import { statesPage } from './states-page.ts';
import { telemetryPage } from './telemetry-page.ts';

/** A page that follows from a table in the sources. */
export interface ReferencePage {
  /** Absolute path of its file. */
  readonly file: string;
  readonly text: string;
}

const FOLDER = new URL('../../../docs/reference/', import.meta.url);
const NOTE = '<!-- Generated: npm run generate --workspace @longshore/docs-tools -->';

/** All generated pages, formatted like the rest of the repository. */
export function referencePages(): Promise<readonly ReferencePage[]> {
  const pages = { 'states.md': statesPage(), 'errors.md': errorsPage(), 'telemetry.md': telemetryPage() };
  return Promise.all(
    Object.entries(pages).map(async ([name, text]) => {
      const file = fileURLToPath(new URL(name, FOLDER));
      const settings = await resolveConfig(file);
      return {
        file,
        text: await format(`${NOTE}\n\n${text}\n`, { ...settings, parser: 'markdown', proseWrap: 'always' }),
      };
    }),
  );
}
