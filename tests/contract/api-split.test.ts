// limit: 300 s
// load: half
import { placeShopsApart } from '../security/open-shop.ts';

placeShopsApart({ servers: false, replicas: 1 });
await import('./api.ts');
