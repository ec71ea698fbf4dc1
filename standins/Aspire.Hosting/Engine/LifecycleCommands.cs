using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Engine;

/// <summary>The start, stop and restart buttons of a resource that runs as a process.</summary>
internal static class LifecycleCommands
{
    public static void AddTo(IResource resource, Orchestrator orchestrator)
    {
        Add("start", "Start", "Play", IconVariant.Filled, "Start resource", isHighlighted: true, StartState,
            async (process, cancellationToken) =>
            {
                await process.StartByHandAsync(cancellationToken);
                return "started";
            });
        Add("stop", "Stop", "Stop", IconVariant.Filled, "Stop resource", isHighlighted: true, StopState,
            async (process, cancellationToken) =>
            {
                await process.StopAsync(cancellationToken);
                return "stopped";
            });
        Add("restart", "Restart", "ArrowCounterclockwise", IconVariant.Regular, "Restart resource", isHighlighted: false, RestartState,
            async (process, cancellationToken) =>
            {
                await process.StopAsync(cancellationToken);
                await process.StartByHandAsync(cancellationToken);
                return "restarted";
            });

        void Add(
            string name, string displayName, string icon, IconVariant variant, string description, bool isHighlighted,
            Func<string?, ResourceCommandState> state, Func<ResourceProcess, CancellationToken, Task<string>> execute) =>
            resource.Annotations.Add(new ResourceCommandAnnotation(
                name,
                displayName,
                async context =>
                {
                    var done = await execute(orchestrator.FindProcess(context.ResourceName), context.CancellationToken);
                    return CommandResults.Success($"Resource '{resource.DisplayName(context.ResourceName)}' {done}.");
                },
                new CommandOptions
                {
                    Description = description,
                    IconName = icon,
                    IconVariant = variant,
                    IsHighlighted = isHighlighted,
                    UpdateState = context => state(context.ResourceSnapshot.State?.Text),
                }));
    }

    private static ResourceCommandState StartState(string? state) =>
        IsStopped(state) || state == KnownResourceStates.Waiting ? ResourceCommandState.Enabled
        : IsComingUp(state) ? ResourceCommandState.Disabled
        : ResourceCommandState.Hidden;

    private static ResourceCommandState StopState(string? state) =>
        state == KnownResourceStates.Stopping ? ResourceCommandState.Disabled
        : IsStopped(state) || state == KnownResourceStates.Waiting || IsComingUp(state) ? ResourceCommandState.Hidden
        : ResourceCommandState.Enabled;

    private static ResourceCommandState RestartState(string? state) =>
        state == KnownResourceStates.Running ? ResourceCommandState.Enabled : ResourceCommandState.Disabled;

    private static bool IsStopped(string? state) => state == KnownResourceStates.NotStarted || KnownResourceStates.TerminalStates.Contains(state);

    private static bool IsComingUp(string? state) => string.IsNullOrEmpty(state) || state == KnownResourceStates.Starting || state == KnownResourceStates.Building;
}
