using System.Collections;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Engine.Wire;
using Google.Protobuf.WellKnownTypes;

using Resource = Aspire.Hosting.Engine.Wire.Resource;

namespace Aspire.Hosting.Engine;

/// <summary>Says what the model knows about a resource in the dashboard's words.</summary>
internal static class ResourceMapper
{
    public static Resource ToWire(ResourceEvent change)
    {
        var snapshot = change.Snapshot;
        var resource = new Resource
        {
            Name = change.ResourceId,
            Uid = change.ResourceId,
            DisplayName = change.Resource.Name,
            Type = snapshot.ResourceType,
            CreatedAt = ToWire(snapshot.CreationTimeStamp),
            StartedAt = ToWire(snapshot.StartTimeStamp),
            StoppedAt = ToWire(snapshot.StopTimeStamp),
            IsHidden = snapshot.IsHidden,
            SupportsDetailedTelemetry = true,
        };
        if (snapshot.State is { } state)
        {
            resource.State = state.Text;
            if (state.Style is { } style)
            {
                resource.StateStyle = style;
            }
        }

        if (snapshot.IconName is { } icon)
        {
            resource.IconName = icon;
            resource.IconVariant = ToWire(snapshot.IconVariant);
        }

        resource.Environment.AddRange(snapshot.EnvironmentVariables.Select(ToWire));
        resource.Properties.AddRange(snapshot.Properties.Select(ToWire));
        if (snapshot.ExitCode is { } exitCode)
        {
            resource.Properties.Add(new Property { Name = "resource.exitCode", Value = Value.ForNumber(exitCode) });
        }

        resource.Urls.AddRange(snapshot.Urls.Select(ToWire));
        resource.HealthReports.AddRange(snapshot.HealthReports.Select(ToWire));
        resource.Relationships.AddRange(snapshot.Relationships.Select(related => new Relationship { ResourceName = related.ResourceName, Type = related.Type }));
        resource.Commands.AddRange(snapshot.Commands.Select(ToWire));
        return resource;
    }

    public static CommandResponse ToWire(ExecuteCommandResult result)
    {
        var response = new CommandResponse
        {
            Outcome = result.Success ? CommandOutcome.Succeeded : result.Canceled ? CommandOutcome.Cancelled : CommandOutcome.Failed,
        };
        if (result.Message is { } message)
        {
            response.Message = message;
        }

        if (result.Data is { } data)
        {
            response.Result = new CommandResult
            {
                Value = data.Value,
                DisplayImmediately = data.DisplayImmediately,
                Format = data.Format switch
                {
                    CommandResultFormat.Markdown => ResultFormat.Markdown,
                    CommandResultFormat.Json => ResultFormat.Json,
                    _ => ResultFormat.Text,
                },
            };
        }

        return response;
    }

    public static ConsoleLogLine ToWire(LogLine line) => new() { Number = line.LineNumber, Text = line.Content, IsError = line.IsErrorMessage };

    private static EnvironmentVariable ToWire(EnvironmentVariableSnapshot variable)
    {
        var wire = new EnvironmentVariable { Name = variable.Name, IsFromSpec = variable.IsFromSpec };
        if (variable.Value is { } value)
        {
            wire.Value = value;
        }

        return wire;
    }

    private static Property ToWire(ResourcePropertySnapshot property)
    {
        var wire = new Property { Name = property.Name, Value = ToValue(property.Value), IsSensitive = property.IsSensitive, IsHighlighted = property.IsHighlighted };
        if (property.DisplayName is { } displayName)
        {
            wire.DisplayName = displayName;
        }

        if (property.SortOrder is { } sortOrder)
        {
            wire.SortOrder = sortOrder;
        }

        return wire;
    }

    private static Url ToWire(UrlSnapshot url)
    {
        var wire = new Url
        {
            Address = url.Url,
            IsInternal = url.IsInternal,
            IsInactive = url.IsInactive,
            Display = new UrlDisplay { SortOrder = url.DisplayProperties.SortOrder, Text = url.DisplayProperties.DisplayName },
        };
        if (url.Name is { } name)
        {
            wire.EndpointName = name;
        }

        return wire;
    }

    private static HealthReport ToWire(HealthReportSnapshot report)
    {
        var wire = new HealthReport
        {
            Key = report.Name,
            Description = report.Description ?? "",
            Exception = report.ExceptionText ?? "",
            LastRunAt = ToWire(report.LastRunAt),
        };
        if (report.Status is { } status)
        {
            wire.Status = status switch
            {
                Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Healthy => HealthStatus.Healthy,
                Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Degraded => HealthStatus.Degraded,
                _ => HealthStatus.Unhealthy,
            };
        }

        return wire;
    }

    private static Command ToWire(ResourceCommandSnapshot command)
    {
        var wire = new Command
        {
            Name = command.Name,
            DisplayName = command.DisplayName,
            IsHighlighted = command.IsHighlighted,
            IconVariant = ToWire(command.IconVariant),
            State = command.State switch
            {
                ResourceCommandState.Enabled => CommandState.Enabled,
                ResourceCommandState.Disabled => CommandState.Disabled,
                _ => CommandState.Hidden,
            },
        };
        if (command.ConfirmationMessage is { } confirmation)
        {
            wire.Confirmation = confirmation;
        }

        if (command.IconName is { } icon)
        {
            wire.IconName = icon;
        }

        if (command.DisplayDescription is { } description)
        {
            wire.Description = description;
        }

        return wire;
    }

    private static Wire.IconVariant ToWire(ApplicationModel.IconVariant? variant) =>
        variant == ApplicationModel.IconVariant.Filled ? Wire.IconVariant.Filled : Wire.IconVariant.Regular;

    private static Timestamp? ToWire(DateTime? time) => time is { } value ? Timestamp.FromDateTime(value.ToUniversalTime()) : null;

    private static Value ToValue(object? value) => value switch
    {
        null => Value.ForNull(),
        string text => Value.ForString(text),
        bool flag => Value.ForBool(flag),
        int or long or double => Value.ForNumber(Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture)),
        IEnumerable items => Value.ForList([.. items.Cast<object?>().Select(ToValue)]),
        _ => Value.ForString(value.ToString() ?? ""),
    };
}
