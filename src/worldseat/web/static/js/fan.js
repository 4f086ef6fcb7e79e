/** The fan's page: the floor, Buy, My tickets. */

import { wireFloor } from "./floor-page.js";
import { wireKeys } from "./keys.js";

const { floor } = wireFloor();
wireKeys({ floor: () => floor?.focusSeat() });
