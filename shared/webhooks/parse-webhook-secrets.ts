/** The current webhook secret and, during rotation, the one before: one a line. */
export function parseWebhookSecrets(text: string): readonly string[] {
  return text
    .split(/\r?\n/u)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(0, 2);
}
