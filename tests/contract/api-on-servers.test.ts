// limit: 300 s
// needs: rabbitmq redis consul
// load: half
import { placeShopsOnServers } from '../security/open-shop.ts';

placeShopsOnServers();
await import('./api.ts');
