// limit: 300 s
// needs: rabbitmq redis consul
// load: half
import { placeShopsApart } from './open-shop.ts';

placeShopsApart({ servers: true, replicas: 1 });
await import('./who-may-do-what.ts');
