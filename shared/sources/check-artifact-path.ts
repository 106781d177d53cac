/**
 * Why a path may not be part of a source or an artifact, or undefined when it may.
 * One rule for what git servers send and for what an archive claims: what is accepted stays below the root.
 */
export function checkArtifactPath(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (path.length > 4096) return 'is longer than 4096 characters';
  if (path.includes('\0')) return 'holds a NUL';
  if (path.startsWith('/')) return 'is absolute';
  const parts = path.split('/');
  if (parts.includes('')) return 'holds an empty part';
  if (parts.includes('.') || parts.includes('..')) return 'holds a "." or ".." part';
  if (parts.some((part) => part.toLowerCase() === '.git')) return 'reaches into a ".git" folder';
  return undefined;
}
