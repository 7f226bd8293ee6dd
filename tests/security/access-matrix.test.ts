// limit: 180 s
// load: half
import './who-may-do-what.ts';
