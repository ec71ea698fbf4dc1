export type TargetedSubmitEvent = SubmitEvent & { currentTarget: HTMLFormElement }
