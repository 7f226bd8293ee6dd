// limit: 180 s
// load: half
import './api.ts';
