/** What the tabs of one browser tell each other. */
export const channel = new BroadcastChannel('tasktracker')
