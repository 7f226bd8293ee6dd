// limit: 300 s
// needs: rabbitmq redis consul
// load: half
import { placeShopsOnServers } from './open-shop.ts';

placeShopsOnServers();
await import('./who-may-do-what.ts');
