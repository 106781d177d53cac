import { estimateFleets } from './estimate-fleets.ts';

process.stdout.write(await estimateFleets());
