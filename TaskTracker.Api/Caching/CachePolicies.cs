namespace TaskTracker.Api.Caching;

/// <summary>The names of the output cache's policies.</summary>
internal static class CachePolicies
{
    public const string Lists = "lists";
    public const string Items = "items";
}
