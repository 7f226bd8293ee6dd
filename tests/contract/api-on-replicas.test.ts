// limit: 300 s
// needs: rabbitmq redis consul
// load: half
import { placeShopsApart } from '../security/open-shop.ts';

placeShopsApart({ servers: true, replicas: 2 });
await import('./api.ts');
