import { createEmulator, type SeedConfig } from 'emulate';

// The child process of start-emulate.ts: takes the seed, serves until nobody listens to it any more.
process.once('disconnect', () => process.exit(0));
process.once('message', (seed: SeedConfig) => {
  // Unlike the command, the programming interface takes port 0 and so cannot lose a race for a free one.
  void createEmulator({ service: 'github', port: 0, seed }).then(({ url }) => process.send?.({ url }));
});
