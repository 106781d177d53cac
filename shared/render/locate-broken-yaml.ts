import { LineCounter, parseAllDocuments } from 'yaml';

import type { Problem } from '#shared/common/problem.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';

const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Finds the files that a build could not read as YAML, with the line of the file: kustomize counts from the beginning of a
 * document, and names a file by the last part of its path.
 *
 * @param refusal kustomize's words.
 */
export function locateBrokenYaml(files: SourceTree, refusal: string): readonly Problem[] {
  const name = /(?:yaml: line \d|MalformedYAMLError).* in File: (?<file>[^\s']+)/s.exec(refusal)?.groups?.['file'];
  if (name === undefined) return [];
  const ending = name.replace(/^(?:\.{1,2}\/)+/, '');
  return [...files].flatMap(([path, { bytes }]): readonly Problem[] => {
    if ((path !== ending && !path.endsWith(`/${ending}`)) || bytes.length > MAX_FILE_BYTES) return [];
    return firstErrorIn(path, Buffer.from(bytes).toString('utf8'));
  });
}

function firstErrorIn(file: string, text: string): readonly Problem[] {
  const lines = new LineCounter();
  try {
    const documents = parseAllDocuments(text, { lineCounter: lines, logLevel: 'silent', prettyErrors: false });
    const error = [...documents].flatMap((document) => document.errors)[0];
    if (error === undefined) return [];
    const { line, col } = lines.linePos(error.pos[0]);
    const message = `is not YAML: ${error.message}; mend it`;
    return [{ file, line, column: col, field: '', message }];
  } catch {
    // What breaks the parser itself is told in kustomize's words.
    return [];
  }
}
