// limit: 300 s
// load: half
import { placeShopsApart } from './open-shop.ts';

placeShopsApart({ servers: false, replicas: 1 });
await import('./who-may-do-what.ts');
