// limit: 180 s
// load: half
import './may-do.ts';
