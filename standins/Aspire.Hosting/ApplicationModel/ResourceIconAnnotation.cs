namespace Aspire.Hosting.ApplicationModel;

/// <summary>The Fluent icon of the resource in the dashboard.</summary>
public sealed class ResourceIconAnnotation(string iconName, IconVariant iconVariant = IconVariant.Filled) : IResourceAnnotation
{
    public string IconName { get; } = iconName;
    public IconVariant IconVariant { get; } = iconVariant;
}

/// <summary>How an icon is drawn.</summary>
public enum IconVariant
{
    Regular,
    Filled,
}
